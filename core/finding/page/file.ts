// Findings about files: what cannot be read, and what is not TOML.
import type { Pages } from './page.ts'

export const file = {
  'file/missing': {
    severity: 'error',
    title: 'a file does not exist',
    meaning: 'The file was named on the command line, or was in a folder a moment ago, and cannot be found.',
    why: 'Without it, nobody knows what the gateway should do.',
    wrong: 'harmony check /etc/harmony/confg.toml',
    right: 'harmony check /etc/harmony/config.toml',
    prose: true,
  },
  'file/unreadable': {
    severity: 'error',
    title: 'a file or folder cannot be read',
    meaning: 'It is there, but the operating system does not give it to the user that the gateway runs as.',
    why:
      'What stands in it would be left out, and a gateway without a part of its rules lets through ' +
      'what it should not.',
    wrong: 'pipelines/orders.toml belongs to root and has mode 0600, while the gateway runs as harmony',
    right: 'pipelines/orders.toml belongs to the group harmony and has mode 0640',
    prose: true,
  },
  'file/not-regular': {
    severity: 'error',
    title: 'what should be a file is something else',
    meaning: 'It is a folder, a pipe, a socket or a device. Symbolic links to regular files are followed.',
    why: 'Reading something else may never end.',
    wrong: 'harmony check /etc/harmony',
    right: 'harmony check /etc/harmony/config.toml',
    prose: true,
  },
  'file/too-large': {
    severity: 'error',
    title: 'a file is too large',
    meaning: 'A file may have 8 MiB, all files together 64 MiB. A hundred thousand routes are less.',
    why: 'A file by mistake in the wrong place must not take the memory of a gateway that serves requests.',
    wrong: 'a database dump that is called pipelines/dump.toml',
    right: 'only configuration files in pipelines/',
    prose: true,
  },
  'file/too-many': {
    severity: 'error',
    title: 'there are too many files or tables',
    meaning:
      'At most 10,000 configuration files are read, from folders of at most 100,000 entries, and at most 100,000 ' +
      'tables in all of them.',
    why: 'A wrong folder by mistake must not take the memory of a gateway that serves requests.',
    wrong: 'pipelines_path = "/"',
    right: 'pipelines_path = "pipelines"',
    prose: true,
  },
  'file/encoding': {
    severity: 'error',
    title: 'a file is not UTF-8 text',
    meaning: 'TOML is written in UTF-8. A byte order mark in front is accepted.',
    why: 'Bytes that mean nothing cannot be part of a rule.',
    wrong: 'a file that an editor has saved as UTF-16 or Latin-1',
    right: 'the same file, saved as UTF-8',
    prose: true,
  },
  'file/no-folder': {
    severity: 'warning',
    title: 'a folder that is named does not exist',
    meaning: 'The folders of pipelines, transforms and meshes need not be there, but one that is named should.',
    why: 'Where the name is misspelt, every pipeline in the folder is missing.',
    wrong: '[proxy]\nid = "gateway"\npipelines_path = "pipelnes"',
    right: '[proxy]\nid = "gateway"',
  },
  'file/more': {
    severity: 'warning',
    title: 'there are more findings than are shown',
    meaning: 'At most 500 errors and 500 warnings are shown in one run.',
    why: 'The first ones usually have the cause of the others.',
    wrong: 'a file with a million keys that nobody knows',
    right: 'a file with keys of the reference',
    prose: true,
  },
  'toml/syntax': {
    severity: 'error',
    title: 'a file is not TOML',
    meaning:
      'The text breaks off or has a character where TOML does not allow one. Only the first such place is known.',
    why: 'Nothing in the file can be used.',
    wrong: '[network.public.tcp_config]\nbind_address = 0.0.0.0',
    right: '[network.public.tcp_config]\nbind_address = "0.0.0.0"',
  },
  'toml/duplicate': {
    severity: 'error',
    title: 'a table or key is defined twice',
    meaning: 'TOML allows each key and each table header once in a file.',
    why: 'Nobody knows which of the two is meant.',
    wrong: '[network.public.tcp_config]\nbind_port = 8080\n\n[network.public.tcp_config]\nbind_port = 9090',
    right: '[network.public.tcp_config]\nbind_port = 8080\n\n[network.partners.tcp_config]\nbind_port = 9090',
  },
  'toml/depth': {
    severity: 'error',
    title: 'tables or lists are nested too deep',
    meaning: 'At most 64 levels are read; the deepest table of a configuration has 7.',
    why: 'A file that nests without end could bring the gateway down while it is read.',
    wrong: 'a = [[[[ ... ]]]]',
    right: 'a = []',
    prose: true,
  },
  'toml/unsafe-key': {
    severity: 'error',
    title: 'a key has a name that is not allowed',
    meaning: 'No key is called __proto__ or constructor.',
    why: 'Such names change the objects of the program that reads them.',
    wrong: '[network.constructor.tcp_config]\nbind_port = 8080',
    right: '[network.public.tcp_config]\nbind_port = 8080',
  },
} as const satisfies Pages
