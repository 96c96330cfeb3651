// A gateway in this process with all of its doors: `plain` (HTTP/1.1 in the clear) and `tls` (HTTP/1.1, HTTP/2 and
// HTTP/3), and a client for each protocol. What it serves is the test's.
import { startInside } from './inside.ts'
import type { Inside } from './inside.ts'
import { identity, protocols, startClient } from './rig.ts'
import type { Client, Reply } from './rig.ts'
import type { Protocol } from '../../quic/index.ts'

export type Edge = Inside & {
  readonly plain: number
  readonly tls: number
  /** A client that speaks one protocol to it: HTTP/1.1 in the clear. */
  client(protocol: Protocol): Client
  /** The access line that belongs to an answer. */
  line(reply: Pick<Reply, 'headers'>): ReturnType<Inside['access']>
}

export type EdgeOptions = {
  /** Lines of config.toml after the networks; tables only. */
  readonly config?: string | undefined
  /** Keys of `[proxy]`, and tables below it. */
  readonly proxy?: string | undefined
  /** Other files, by path. */
  readonly files: Readonly<Record<string, string>> | ((plain: number, tls: number) => Readonly<Record<string, string>>)
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts it; `${CA}` in files is the path of the authority that signed for `localhost`. */
export async function startEdge({ config = '', proxy = '', files, env = {} }: EdgeOptions): Promise<Edge> {
  const { authority } = identity()
  const issued = authority.issue('localhost')
  const inside = await startInside(
    2,
    ([plain = 0, tls = 0]) => ({
      'config.toml': `
[proxy]
id = "gateway"
primary_provider = "local"
${proxy}
[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${plain}
[network.tls.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${CERT}"
key_path = "\${KEY}"
[network.tls.http3]
bind_address = "127.0.0.1"
bind_port = ${tls}
cert_path = "\${CERT}"
key_path = "\${KEY}"
${config}
`,
      ...(typeof files === 'function' ? files(plain, tls) : files),
    }),
    { env: { CERT: issued.chain, KEY: issued.key, CA: authority.ca, ...env } },
  )
  const [plain = 0, tls = 0] = inside.ports
  const clients = new Map<Protocol, Client>()
  for (const protocol of protocols) clients.set(protocol, await startClient(protocol, protocol === 'h1' ? plain : tls))
  return {
    ...inside,
    plain,
    tls,
    client: (protocol) => {
      const client = clients.get(protocol)
      if (client === undefined) throw new Error(`no client of ${protocol}`)
      return client
    },
    line: async ({ headers }) => inside.access(String(headers['x-request-id'])),
    close: async () => {
      for (const client of clients.values()) await client.close()
      await inside.close()
      sound(inside.lines)
    },
  }
}

/** Events that no request and no upstream may cause. */
const defects: ReadonlySet<string> = new Set(['decide-failed', 'observer-failed', 'panic', 'accept-failed'])

/** Throws when something broke inside while a test looked elsewhere. */
export function sound(lines: Inside['lines']): void {
  const broken = lines.filter((line) => defects.has(String(line['event'])))
  if (broken.length > 0) throw new Error(`the gateway failed: ${JSON.stringify(broken)}`)
}

/** What the gateway itself answered: its body, once it is what such bodies are. */
export async function refusal(reply: Reply): Promise<{ error: string; message: string; request_id: string }> {
  const text = String(await reply.bytes())
  const body: unknown = JSON.parse(text)
  const keys = typeof body === 'object' && body !== null ? Object.keys(body) : []
  if (keys.join() !== 'error,message,request_id') throw new Error(`no refusal of the gateway: ${text}`)
  // checked above
  const said = body as { error: string; message: string; request_id: string }
  if (reply.headers['x-request-id'] !== said.request_id)
    throw new Error(`x-request-id is ${String(reply.headers['x-request-id'])}, the body says ${said.request_id}`)
  return said
}
