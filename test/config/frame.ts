// Examples of the pages on findings show only what matters: this is what stands around it in a whole configuration.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporary } from '../peers/process.ts'

/** Each is left out when the example has a table of that header. */
const frame: Readonly<Record<string, string>> = {
  proxy: 'name = "gateway-1"\nprimary_provider = "local"',
  'network.public.tcp_config': 'bind_address = "127.0.0.1"\nbind_port = 8080',
  'pipelines.web': 'networks = ["public"]\nendpoints = ["web"]\nbackends = ["app"]',
  'endpoints.web': 'service = "http"\noptions.path_prefix = "/web"',
  'backends.app': 'service = "http"\noptions.base_url = "http://127.0.0.1:9000"',
}

/** Writes an example, with its frame, into a new directory; returns the main file. */
export function writeExample(example: string): string {
  const folder = temporary()
  for (const [file, text] of files(example)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return join(folder, 'config.toml')
}

/** The files of an example: a line that is `# <path>.toml` starts another one. */
function files(example: string): Map<string, string> {
  const parts = `# config.toml\n${example}\n`.split(/^# (\S+\.toml)$/m)
  const found = new Map<string, string>()
  for (let index = 1; index < parts.length; index += 2) {
    const [name = '', text = ''] = parts.slice(index, index + 2)
    found.set(name, (found.get(name) ?? '') + text)
  }
  const missing = Object.entries(frame).filter(([header]) => !has(example, header))
  const around = missing.map(([header, body]) => `\n[${header}]\n${body}\n`).join('')
  return found.set('config.toml', (found.get('config.toml') ?? '') + around)
}

/** A network may be written in several ways; of the others, the header is the table. */
function has(example: string, header: string): boolean {
  const [section, name] = header.split('.')
  const text = section === 'network' ? `\\[network\\.${name}[\\].]` : `\\[${header.replaceAll('.', '\\.')}\\]`
  return new RegExp(`^${text}`, 'm').test(example)
}
