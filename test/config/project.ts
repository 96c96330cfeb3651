// A configuration in a directory of its own, and what is found in it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Env } from '../../core/config/env.ts'
import type { Raw } from '../../core/config/raw.ts'
import { readRaw } from '../../core/config/read.ts'
import { collector } from '../../core/finding/collector.ts'
import type { Finding } from '../../core/finding/finding.ts'
import { locate } from '../../core/finding/locate.ts'
import { temporary } from '../peers/process.ts'

export type Files = Readonly<Record<string, string | Uint8Array>>

/** Writes the files into a new directory; returns it. */
export function write(files: Files): string {
  const folder = temporary()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

export type Result = {
  readonly raw: Raw | undefined
  readonly findings: readonly Finding[]
  /** `code: message`, one for each finding. */
  readonly lines: readonly string[]
}

export async function readFolder(folder: string, env: Env = {}, main = 'config.toml'): Promise<Result> {
  const { report, kept } = collector(main)
  const { raw, sources } = await readRaw({ file: join(folder, main), env, report })
  const findings = locate(kept(), sources)
  return { raw, findings, lines: findings.map(({ code, message }) => `${code}: ${message}`) }
}

/** Reads files; a text alone is the main file, with a [proxy] in front of it unless it has one. */
export async function read(files: Files | string, env: Env = {}): Promise<Result> {
  if (typeof files !== 'string') return readFolder(write(files), env)
  const text = files.includes('[proxy]') ? files : `${files}\n[proxy]\nid = "gateway"\n`
  return readFolder(write({ 'config.toml': text }), env)
}

/** The raw configuration of files in which nothing is wrong. */
export async function readWell(files: Files | string, env: Env = {}): Promise<Raw> {
  const { raw, lines } = await read(files, env)
  if (raw === undefined || lines.length > 0) throw new Error(`something was found:\n${lines.join('\n')}`)
  return raw
}
