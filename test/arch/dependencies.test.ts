// Every direct dependency has its reason in docs/decisions/dependencies.md, and every reason its dependency.
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { text, texts } from './tree.ts'

const test = suite('dependencies')
const page = 'docs/decisions/dependencies.md'

test('each npm package has its reason, and each reason its package', () => {
  // The shape of package.json, as far as it is read here.
  const manifest = JSON.parse(text('package.json')) as Record<string, Record<string, string> | undefined>
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']
  compare(
    kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})),
    reasons('npm'),
  )
})

test('each crate has its reason, and each reason its crate', () => {
  const manifests = texts('quic/native/Cargo.toml', 'quic/native/*/Cargo.toml')
  const crates = [...manifests.values()].flatMap(cratesOf).filter((name) => !name.startsWith('harmony-'))
  compare(crates, reasons('Cargo'))
})

test('each crate is named by the sources of the package that depends on it', () => {
  const unused: string[] = []
  for (const [path, manifest] of texts('quic/native/Cargo.toml', 'quic/native/*/Cargo.toml')) {
    const folder = path.slice(0, -'Cargo.toml'.length)
    const sources = [...texts(`${folder}{build.rs,{src,tests,benches,examples}/**/*.rs}`).values()].join('\n')
    for (const name of cratesOf(manifest))
      if (!new RegExp(`\\b${name.replaceAll('-', '_')}\\b`).test(sources)) unused.push(`${path}: ${name}`)
  }
  assert.equal(unused, [])
})

test('the lock file of npm names no registry', () => {
  assert.not.match(text('package-lock.json'), /"resolved"/)
})

test('the lock file of npm has the packages of every platform, without which npm 11 refuses npm ci', () => {
  // The shape of package-lock.json, as far as it is read here.
  const { packages } = JSON.parse(text('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  assert.ok(optional.length > 0, 'the packages were found')
  assert.equal(
    optional.filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`))),
    [],
  )
})

test('versions in package.json are exact', () => {
  const manifest = text('package.json')
  assert.equal([...manifest.matchAll(/"[^"]+": "[\^~][^"]*"/g)].map(String), [])
})

test('crates are read from every kind of dependency table', () => {
  const manifest = `
[dependencies]
bytes.workspace = true
napi = { version = "3" }
[dev-dependencies]
proptest = "1"
[target.'cfg(unix)'.dependencies]
libc = "0.2"
[dependencies.rustls]
version = "0.23"
[features]
other = []
`
  assert.equal(cratesOf(manifest), ['bytes', 'napi', 'proptest', 'libc', 'rustls'])
})

function compare(used: string[], explained: string[]): void {
  const missing = [...new Set(used)].filter((name) => !explained.includes(name))
  const stale = explained.filter((name) => !used.includes(name))
  assert.equal({ missing, stale }, { missing: [], stale: [] }, `${page} has no reason for, or too many reasons`)
}

/** Names in a section of the page: lines of the shape "- `name`: reason", several names with commas between. */
function reasons(section: string): string[] {
  const body =
    text(page)
      .split(/^## /m)
      .find((part) => part.startsWith(`${section}\n`)) ?? ''
  return [...body.matchAll(/^- ((?:`[^`]+`(?:, )?)+)(?: \([^)]*\))?: \S/gm)].flatMap((line) =>
    [...(line[1] ?? '').matchAll(/`([^`]+)`/g)].map((name) => name[1] ?? ''),
  )
}

function cratesOf(manifest: string): string[] {
  const names: string[] = []
  let inside = false
  for (const line of manifest.split('\n')) {
    const table = /^\[(.+)\]$/.exec(line.trim())?.[1]
    if (table !== undefined) {
      const parts = /(?:^|\.)(?:dev-|build-)?dependencies(?:\.([\w-]+))?$/.exec(table)
      inside = parts !== null && parts[1] === undefined && !table.startsWith('workspace.')
      if (parts?.[1] !== undefined) names.push(parts[1])
    } else if (inside) {
      const name = /^([\w-]+)(?:\.workspace)?\s*=/.exec(line)?.[1]
      if (name !== undefined) names.push(name)
    }
  }
  return names
}

test.run()
