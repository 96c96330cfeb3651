// Foreign suites and tools against the front's listener: h2load, h2spec, our HTTP/3 conformance set, Chromium.
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needsPeers, pattern, peer, run, temporary } from '../peers/index.ts'
import type { PeerName } from '../peers/index.ts'
import type { Outcome } from './outcome.ts'
import type { Stage } from './scenes.ts'

export type Suite = {
  name: string
  needs: readonly PeerName[]
  play(stage: Stage): Promise<Outcome>
}

const minute = 60_000

export const suites: readonly Suite[] = [
  {
    name: 'h2load h1, 2,000 requests over 10 connections',
    needs: ['h2load', 'goquic'],
    play: async (stage) => h2load(stage, ['--h1']),
  },
  {
    name: 'h2load h2, 2,000 requests over 10 connections',
    needs: ['h2load', 'goquic'],
    play: async (stage) => h2load(stage, ['-m10']),
  },
  { name: 'h2load h2, 200 uploads of 1 MB', needs: ['h2load', 'goquic'], play: uploads },
  {
    name: 'h2spec over TLS',
    needs: ['h2spec', 'goquic'],
    play: async (stage) => h2spec(stage, 'secure'),
  },
  {
    name: 'h2spec with prior knowledge',
    needs: ['h2spec', 'goquic'],
    play: async (stage) => h2spec(stage, 'plain'),
  },
  { name: 'HTTP/3 conformance', needs: ['aioquic', 'goquic'], play: conformance },
  { name: 'Chromium over HTTP/3', needs: ['chromium', 'goquic'], play: chromium },
]

export async function playSuite(stage: Stage, suite: Suite): Promise<Outcome> {
  const reason = needsPeers(...suite.needs)
  if (reason) return { kind: 'skip', reason }
  try {
    return await suite.play(stage)
  } catch (error) {
    return { kind: 'fail', reason: error instanceof Error ? error.message : String(error) }
  }
}

async function h2load(stage: Stage, options: string[]): Promise<Outcome> {
  const { front } = await stage.front('goquic', 'h1')
  const args = ['-n2000', '-c10', ...options, `https://localhost:${front.secure}/bytes/1000`]
  return succeeded(2000, (await run(peer('h2load'), args, { deadlineMs: minute })).stdout)
}

async function uploads(stage: Stage): Promise<Outcome> {
  const { front } = await stage.front('goquic', 'h1')
  const file = join(temporary(), 'body')
  writeFileSync(file, pattern(1_000_000))
  const args = ['-n200', '-c4', '-m4', '-d', file, `https://localhost:${front.secure}/echo`]
  return succeeded(200, (await run(peer('h2load'), args, { deadlineMs: 2 * minute })).stdout)
}

function succeeded(count: number, output: string): Outcome {
  const line = /^status codes: (\d+) 2xx.*$/m.exec(output)
  const requests = /^requests: .*$/m.exec(output)?.[0] ?? output.slice(-300)
  const good = Number(line?.[1]) === count && /\b0 failed, 0 errored, 0 timeout/.test(requests)
  return good ? { kind: 'pass' } : { kind: 'fail', reason: `${requests}; ${line?.[0] ?? 'no status codes'}` }
}

type Known = Record<string, string>

/** Failures known and explained, by suite and the case's name. */
function known(file: 'h2spec.json' | 'conformance.json', part: 'secure' | 'plain' | 'server'): Known {
  // Tables of texts, written by us.
  const parts = JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as Record<string, Known>
  return parts[part] ?? {}
}

/** Fails for a failure that is not listed, and for a listed one that passes: then the list must shrink. */
function compare(list: Known, ran: number, failures: ReadonlyMap<string, string>): Outcome {
  const wrong = [
    ...[...failures].filter(([name]) => !(name in list)).map(([name, how]) => `${name}: ${how}`),
    ...Object.keys(list)
      .filter((name) => !failures.has(name))
      .map((name) => `${name}: passes, though it is listed`),
  ]
  if (ran === 0) wrong.push('no case ran')
  return wrong.length === 0
    ? { kind: 'pass' }
    : { kind: 'fail', reason: `${wrong.length} of ${ran}\n${wrong.join('\n')}` }
}

async function h2spec(stage: Stage, listener: 'secure' | 'plain'): Promise<Outcome> {
  const { front } = await stage.front('goquic', 'h1')
  const report = join(temporary(), 'h2spec.xml')
  const over = listener === 'secure' ? ['-t', '-k'] : []
  const args = [...over, '-h', 'localhost', '-p', String(front[listener]), '-P', '/bytes/1000', '-o', '2', '-j', report]
  const ended = await run(peer('h2spec'), args, { deadlineMs: 5 * minute })
  if (ended.code === null) return { kind: 'fail', reason: 'h2spec did not end' }
  const failures = new Map<string, string>()
  let ran = 0
  const text = readFileSync(report, 'utf8')
  for (const [, attributes = '', inside = ''] of text.matchAll(/<testcase ([^>]*?)(?:\/>|>([^]*?)<\/testcase>)/g)) {
    ran += 1
    const attribute = (name: string): string => unescape(new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1] ?? '')
    if (!/<(?:failure|error)/.test(inside)) continue
    const seen = unescape(inside.replace(/<[^>]*>/g, ' '))
      .replaceAll(/\s+/g, ' ')
      .trim()
    failures.set(`${attribute('package')} ${attribute('classname')}`.trim(), seen)
  }
  return compare(known('h2spec.json', listener), ran, failures)
}

function unescape(text: string): string {
  const names: Record<string, string> = {
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    amp: '&',
    '#34': '"',
    '#39': "'",
    '#xA': '\n',
  }
  return text.replaceAll(/&(#?\w+);/g, (whole, name: string) => names[name] ?? whole)
}

async function conformance(stage: Stage): Promise<Outcome> {
  const { front } = await stage.front('goquic', 'h1')
  const script = join(import.meta.dirname, '../peers/aioquic/conformance.py')
  const args = [script, '--port', String(front.secure), '--ca', stage.ca.ca]
  const ended = await run(peer('aioquic'), args, { deadlineMs: 3 * minute })
  // One line for each case, see conformance.py.
  const lines = ended.stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ConformanceLine)
  const failures = new Map(
    lines
      .filter(({ ok }) => !ok)
      .map(({ case: name, section, expected, got }) => [name, `${section}: ${expected}, got ${got}`]),
  )
  if (ended.code === null || lines.length === 0) return { kind: 'fail', reason: ended.stderr || 'did not end' }
  return compare(known('conformance.json', 'server'), lines.length, failures)
}

type ConformanceLine = { case: string; section: string; expected: string; got: string; ok: boolean }

/** The page of the origin loads 1 MB and posts 100 kB with scripts, and writes down how it came. */
async function chromium(stage: Stage): Promise<Outcome> {
  const { front } = await stage.front('goquic', 'h1')
  const leaf = new X509Certificate(readFileSync(stage.identity.chain))
  const key = createHash('sha256')
    .update(leaf.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  const url = `https://localhost:${front.secure}/page`
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--enable-quic',
    // QUIC does not try the second address of a name.
    '--host-resolver-rules=MAP localhost 127.0.0.1',
    `--user-data-dir=${temporary()}`,
    `--origin-to-force-quic-on=localhost:${front.secure}`,
    `--ignore-certificate-errors-spki-list=${key}`,
    '--virtual-time-budget=15000',
    '--dump-dom',
    url,
  ]
  const ended = await run(peer('chromium'), args, { deadlineMs: minute })
  const result = /<pre id="result">([^<]*)<\/pre>/.exec(ended.stdout)?.[1] ?? ''
  const expected = 'h3 1000000 h3 100000 h3'
  return result === expected
    ? { kind: 'pass' }
    : { kind: 'fail', reason: `the page shows ${result || ended.stderr.slice(-300)}` }
}
