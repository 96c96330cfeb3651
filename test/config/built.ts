// The configuration that is made of an example.
import * as assert from 'uvu/assert'
import { loadConfig } from '../../core/config/load.ts'
import type { Config } from '../../core/config/model.ts'
import { renderFindings } from '../../core/finding/render.ts'
import { writeExample } from './frame.ts'
import { material, now } from './material.ts'

/** What relative paths of certificates and keys start at. */
export const cwd = material()

export async function config(example: string, env: Record<string, string> = {}): Promise<Config> {
  const { config, findings, files } = await loadConfig({ file: writeExample(example), env, cwd, now })
  assert.ok(config, renderFindings(findings, files))
  return config
}
