// Caddy, the newest or the distribution's, with a Caddyfile of its own and nothing written elsewhere.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peer } from './find.ts'
import { accepts, onFreePorts, start, temporary } from './process.ts'
import type { Running } from './process.ts'

export type Caddy = Running & { ports: number[] }

/** Starts Caddy; `sites` writes its sites, given its ports. Its defaults hold, but for the admin endpoint. */
export async function startCaddy(
  name: 'caddy' | 'caddy-debian',
  ports: number,
  sites: (ports: number[]) => string,
): Promise<Caddy> {
  const folder = temporary()
  return onFreePorts(ports, async (chosen) => {
    const file = join(folder, 'Caddyfile')
    writeFileSync(file, config(sites(chosen)))
    const up = async (): Promise<boolean> => (await Promise.all(chosen.map((port) => accepts(port)))).every(Boolean)
    const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
    const running = await start(peer(name), ['run', '--adapter', 'caddyfile', '--config', file], up, env)
    return { ...running, ports: chosen }
  })
}

function config(sites: string): string {
  return `
{
  admin off
  auto_https disable_redirects
  skip_install_trust
  default_bind 127.0.0.1
  log {
    level ERROR
  }
}
${sites}
`
}
