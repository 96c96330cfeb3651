// Findings about shapes: tables, keys, values, names and variables.
import type { Pages } from './page.ts'

export const schema = {
  'table/missing': {
    severity: 'error',
    title: 'the table [proxy] is missing',
    meaning: 'Every configuration has one table [proxy] in its main file: it says which gateway this is.',
    why: 'The name of the gateway is in every token that it makes and in every line that it logs.',
    wrong: '[network.public.tcp_config]\nbind_port = 8080',
    right: '[proxy]\nid = "gateway"\n\n[network.public.tcp_config]\nbind_port = 8080',
    prose: true,
  },
  'table/unknown': {
    severity: 'warning',
    title: 'a table is not known',
    meaning: 'No part of the gateway reads a table of this name.',
    why: 'What stands in it has no effect, though somebody meant it to.',
    wrong: '[netwrok.public.tcp_config]\nbind_port = 8080',
    right: '[network.public.tcp_config]\nbind_port = 8080',
  },
  'table/misplaced': {
    severity: 'warning',
    title: 'a table has no effect in this file',
    meaning:
      'Settings of the whole gateway count in the main file alone; mesh files hold meshes, pipelines and remote ' +
      'ingresses.',
    why: 'The table is passed over, though somebody meant it to count.',
    wrong: '# pipelines/orders.toml\n[logging]\nlog_level = "debug"',
    right: '[logging]\nlog_level = "debug"',
  },
  'key/unknown': {
    severity: 'warning',
    title: 'a key is not known',
    meaning: 'The table has no such key, or the type that the table names has none.',
    why: 'It has no effect, and the key that was meant has its default.',
    wrong: '[network.public.tcp_config]\nbind_prt = 9090',
    right: '[network.public.tcp_config]\nbind_port = 9090',
  },
  'key/deprecated': {
    severity: 'warning',
    title: 'a key has moved',
    meaning: 'The old place still counts, unless the new one is set too.',
    why: 'A later version will not know the old place.',
    wrong: '[proxy]\nid = "gateway"\nlog_level = "debug"',
    right: '[proxy]\nid = "gateway"\n\n[logging]\nlog_level = "debug"',
  },
  'key/alias-conflict': {
    severity: 'error',
    title: 'two keys mean the same and are both set',
    meaning: 'Some keys have two names. One of them is enough.',
    why: 'Where the two differ, nobody knows which is meant.',
    wrong: '[network.public]\nhttp = { bind_port = 8080 }\ntcp_config = { bind_port = 9090 }',
    right: '[network.public]\ntcp_config = { bind_port = 8080 }',
  },
  'value/type': {
    severity: 'error',
    title: 'a value is of the wrong kind',
    meaning: 'The key takes another kind of value: text, a number, true or false, a list or a table.',
    why: 'The gateway does not guess what was meant.',
    wrong: '[network.public.tcp_config]\nbind_port = "8080"',
    right: '[network.public.tcp_config]\nbind_port = 8080',
  },
  'value/range': {
    severity: 'error',
    title: 'a number is too small or too large',
    meaning: 'The number is outside the range that the message gives.',
    why: 'Such a value cannot work, or would take a protection away.',
    wrong: '[network.public.tcp_config]\nbind_port = 70000',
    right: '[network.public.tcp_config]\nbind_port = 7000',
  },
  'value/enum': {
    severity: 'error',
    title: 'a value is not one of those that are allowed',
    meaning: 'The key takes one of a few words, which the message lists.',
    why: 'A word that is not known could mean less protection than was wanted.',
    wrong: '[logging]\nlog_level = "verbose"',
    right: '[logging]\nlog_level = "debug"',
  },
  'value/empty': {
    severity: 'error',
    title: 'a value is empty',
    meaning: 'The text is empty or the list has no item, where at least one is needed. A variable may be empty too.',
    why: 'An empty name names nothing, and an empty password protects nothing.',
    wrong: '[proxy]\nid = ""',
    right: '[proxy]\nid = "gateway"',
  },
  'value/form': {
    severity: 'error',
    title: 'a text does not have the form that is needed',
    meaning: 'The text is a date, a time or a title of a certain form, which the message gives.',
    why: 'A rule with a time that nobody can read would never apply.',
    wrong: '[rules.office]\ntype = "time_based"\noptions = { start_time = "9am", end_time = "17:00" }',
    right: '[rules.office]\ntype = "time_based"\noptions = { start_time = "09:00", end_time = "17:00" }',
  },
  'value/missing': {
    severity: 'error',
    title: 'a key that is required is missing',
    meaning: 'The table cannot be used without it, and there is no value that would be right for everyone.',
    why: 'The gateway does not guess what was meant.',
    wrong: '[endpoints.orders]\noptions = { path_prefix = "/orders" }',
    right: '[endpoints.orders]\nservice = "http"\noptions = { path_prefix = "/orders" }',
  },
  'name/form': {
    severity: 'error',
    title: 'a table has a name that is not allowed',
    meaning: 'Names are of a to z, 0 to 9, _ and -. Names of ingresses and egresses may have dots.',
    why: 'References are made of names: other characters would make them read in two ways.',
    wrong: '[network.Public.tcp_config]\nbind_port = 8080',
    right: '[network.public.tcp_config]\nbind_port = 8080',
  },
  'name/dotted': {
    severity: 'warning',
    title: 'an ingress or egress has a dot in its name',
    meaning: 'In a reference, dots stand between its parts. A name with a dot in it cannot be written there.',
    why: 'No mesh can list it.',
    wrong: '[pipelines.web.mesh.egress."web.out"]\ntype = "http"',
    right: '[pipelines.web.mesh.egress.web-out]\ntype = "http"',
  },
  'name/id': {
    severity: 'error',
    title: 'an id differs from the name of its table',
    meaning:
      'Authentications, policies and rules are named by their tables; the `id` inside says the same or is left out.',
    why: 'Somebody would refer to the id, and nothing would be found.',
    wrong: '[rules.everyone]\nid = "all"\ntype = "allow_all"',
    right: '[rules.everyone]\ntype = "allow_all"',
  },
  'name/ambiguous': {
    severity: 'warning',
    title: 'a name means different things in several files',
    meaning:
      'A name is looked for in the file that uses it, then in the main file, then in the others. Here several others ' +
      'define it, each in its own way.',
    why: 'The first file by name is taken; a new file may change which one that is.',
    wrong:
      '[endpoints.orders]\nservice = "http"\npeer_ref = "partner"\noptions.path_prefix = "/orders"\n' +
      '# pipelines/a.toml\n[peers.partner]\nconnection = { host = "a.test" }\n' +
      '# pipelines/b.toml\n[peers.partner]\nconnection = { host = "b.test" }',
    right:
      '[endpoints.orders]\nservice = "http"\npeer_ref = "partner"\noptions.path_prefix = "/orders"\n' +
      '# pipelines/a.toml\n[peers.partner]\nconnection = { host = "a.test" }',
  },
  'env/unset': {
    severity: 'error',
    title: 'a variable in a value is not set',
    meaning: '`${NAME}` in a value is replaced by the environment variable NAME, and there is none.',
    why: 'An address or a secret with a hole in it is worse than none.',
    wrong: '[targets.store]\nconnection = { host = "${STORE_HOST_THAT_IS_NOT_SET}" }',
    right: '[targets.store]\nconnection = { host = "${STORE_HOST_THAT_IS_NOT_SET:-store.test}" }',
  },
  'env/malformed': {
    severity: 'warning',
    title: 'a value has a "${" that starts no variable',
    meaning:
      'Variables are `${NAME}` or `${NAME:-default}`, names of letters, digits and _. The text is taken as it stands.',
    why: 'Where a variable was meant, the text itself is used in its place.',
    wrong: '[targets.store]\ndescription = "the one at ${STORE"\nconnection = { host = "store.test" }',
    right: '[targets.store]\ndescription = "the one at $${STORE"\nconnection = { host = "store.test" }',
  },
  'env/required': {
    severity: 'error',
    title: 'a required variable is not set',
    meaning: '`proxy.required_env_vars` lists environment variables that must be set and not empty.',
    why: 'The configuration says that it does not work without them.',
    wrong: '[proxy]\nid = "gateway"\nrequired_env_vars = ["STORE_TOKEN_THAT_IS_NOT_SET"]',
    right: '[proxy]\nid = "gateway"\nrequired_env_vars = []',
  },
} as const satisfies Pages
