// Where the programs of other people are, or why one cannot be used. test/peers/install.sh installs them.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** `caddy` is the newest one, `caddy-debian` the distribution's. */
export type PeerName =
  | 'nginx'
  | 'caddy'
  | 'caddy-debian'
  | 'curl'
  | 'nghttp'
  | 'h2load'
  | 'goquic'
  | 'aioquic'
  | 'h2spec'
  | 'chromium'
  | 'openssl'

export type Found = { path: string } | { missing: string }

/** What install.sh fills: compiled programs in bin, aioquic's Python in venv. */
const cache =
  process.env['HARMONY_PEERS'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? homedir(), '.cache'), 'harmony-peers')

const own: Partial<Record<PeerName, string>> = {
  caddy: join(cache, 'bin/caddy'),
  goquic: join(cache, 'bin/goquic'),
  h2spec: join(cache, 'bin/h2spec'),
  aioquic: join(cache, 'venv/bin/python'),
}

/** The program's path, or the reason for a skip. */
export function findPeer(name: PeerName): Found {
  const installed = own[name]
  if (installed !== undefined && executable(installed)) return { path: installed }
  // The newest Caddy is never the one on PATH: that is Debian's, another peer.
  if (installed === undefined || name === 'h2spec') {
    const command = name === 'caddy-debian' ? 'caddy' : name
    // Debian keeps servers where only root's PATH looks.
    for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
      if (executable(join(folder, command))) return { path: join(folder, command) }
    }
  }
  return { missing: `${name} is not installed (test/peers/install.sh)` }
}

/** The path of a peer that must be there; throws the reason where it is not. */
export function peer(name: PeerName): string {
  const found = findPeer(name)
  if ('missing' in found) throw new Error(found.missing)
  return found.path
}

/** Why a test that needs these peers cannot run, for the `skip` of a suite; `undefined` where it can. */
export function needsPeers(...names: PeerName[]): string | undefined {
  const reasons = names.map(findPeer).flatMap((found) => ('missing' in found ? [found.missing] : []))
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
