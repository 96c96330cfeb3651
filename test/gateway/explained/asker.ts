// Explanations by a configuration that nobody serves.
import { explainRequest, loadConfig } from '../../../core/index.ts'
import type { ExplainRequest, Explanation } from '../../../core/index.ts'
import { everyWay } from '../../support/everyway.ts'
import { claimsOf, sign } from '../../support/forge.ts'
import { meshSecret } from '../../support/organisations.ts'
import { project } from '../../support/serve.ts'

/** When the requests come. */
export const nowMs = Date.UTC(2030, 0, 1)

export type Told = { readonly json: Explanation; readonly lines: readonly string[] }
export type Ask = (url: string, more?: Partial<ExplainRequest>) => Promise<Told>

/** Explains by the configuration in these files; what cannot be explained is an error: its code, then its message. */
export async function asker(files: Readonly<Record<string, string>>): Promise<Ask> {
  const folder = project(files)
  const loaded = await loadConfig({ file: folder.config, env: {}, cwd: folder.folder, now: Date.now() })
  const { config, where } = loaded
  if (config === undefined) throw new Error(loaded.findings.map(({ message }) => message).join('\n'))
  return async (url, more = {}) => {
    const answer = await explainRequest(config, { method: 'GET', url, headers: [], now: nowMs, ...more }, where)
    if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}; ${answer.help}`)
    return answer
  }
}

/** The first network of `everyWay`, and of `oneNetwork`. */
export const edge = 'http://127.0.0.1:18080'

/** A configuration with a request for every end. */
export const everything = everyWay([18_080, 18_081, 18_082], 19_000)

/** A configuration with one plain network. */
export const oneNetwork = (text: string): Readonly<Record<string, string>> => ({
  'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.edge.tcp_config]
bind_address = "127.0.0.1"
bind_port = 18080
${text}`,
})

/** `Authorization` with a token of the mesh `prod`. */
export const bearer = async (more: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  `Bearer ${await sign({ alg: 'HS256', secret: meshSecret }, claimsOf('prod', nowMs / 1000, more))}`
