// [pipelines.<name>] with its ingresses and egresses (spec 2.14, 2.18, 2.19).
import * as v from 'valibot'
import { choice, flag, list, named, some, table, text, word } from './field.ts'

export const transports = ['http', 'http3'] as const
export const modes = ['default', 'mesh'] as const

const member = { keys: 'member' } as const

const chain = (meaning: string) =>
  list(word('Name of a middleware, or a built-in type.', { prefix: 'middleware.' }), meaning, { names: 'middleware' })

const middleware = v.pipe(
  v.union(
    [
      chain('Both ways: requests in this order, responses in the reverse.'),
      table(
        {
          left: v.optional(chain('What requests pass, in order.'), () => []),
          right: v.optional(chain('What responses pass, in order.'), () => []),
        },
        'Each way by itself.',
      ),
    ],
    'must be a list of names, or a table with left and right',
  ),
  v.description('What requests and responses pass: one list for both ways, or `left` and `right`.'),
)

export const ingress = table(
  {
    type: choice(transports, 'Transport that is meant.'),
    urls: some(word('URL.'), 'URLs whose requests enter here.'),
    endpoint: v.optional(
      word('Endpoint that answers.', { names: 'endpoints', otherwise: 'the first one of the pipeline' }),
    ),
    mode: v.optional(choice(modes, '`mesh`: only requests with a valid token of a mesh that lists it.'), 'default'),
    enforce: v.optional(
      choice(
        ['endpoint', 'url'],
        'What mode `mesh` closes: the endpoint by every path that leads to it, or the URLs alone.',
        { harmony: true },
      ),
      'endpoint',
    ),
    description: v.optional(text('For people.')),
    enabled: v.optional(flag('What is disabled is not there.'), true),
  },
  'URLs that lead to an endpoint of the pipeline.',
)

export const egress = table(
  {
    type: choice(transports, '`http3`: HTTP/3 is preferred.'),
    backend: v.optional(
      word('Backend that requests leave through.', { names: 'backends', otherwise: 'the first one of the pipeline' }),
    ),
    mode: v.optional(choice(modes, '`mesh`: only requests that came in through the mesh may leave.'), 'default'),
    description: v.optional(text('For people.')),
    enabled: v.optional(flag('What is disabled is not there.'), true),
  },
  'A way out of the pipeline.',
)

export const pipeline = table(
  {
    id: v.optional(text('Identity for other tools.')),
    description: v.optional(text('For people.')),
    networks: some(word('Name.'), 'Networks whose requests it answers.', { names: 'network' }),
    endpoints: some(word('Name.'), 'Endpoints it answers at.', { names: 'endpoints' }),
    backends: v.optional(
      list(word('Name.'), 'Backends; requests go to the first one. Without one, answers are empty.', {
        names: 'backends',
      }),
      () => [],
    ),
    middleware: v.optional(middleware, () => []),
    mesh: v.optional(
      table(
        {
          ingress: v.optional(named(ingress, 'Ways in, by name.', member), () => ({})),
          egress: v.optional(named(egress, 'Ways out, by name.', member), () => ({})),
        },
        'Ways in and out that meshes can list.',
      ),
      () => ({}),
    ),
  },
  'What answers requests: endpoints, middleware and backends.',
)
