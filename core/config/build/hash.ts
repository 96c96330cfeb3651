// Tells configurations apart: a hash of what the files say and of the key material they name.
import { createHash } from 'node:crypto'
import type { Raw, Section } from '../raw.ts'
import type { Materials } from './material.ts'

const sections = [
  'proxy',
  'management',
  'logging',
  'storage',
  'provider',
  'network',
  'targets',
  'peers',
  'services',
  'middleware_types',
  'authentications',
  'policies',
  'rules',
  'pipelines',
  'endpoints',
  'backends',
  'middleware',
  'mesh',
  'remote_ingress',
] as const satisfies readonly Section[]

/** 16 digits: it is shown to whoever may read the status, and must not serve to guess a secret by. */
export function hashOf(raw: Raw, materials: Materials): string {
  const sum = createHash('sha256')
  for (const section of sections)
    for (const { name, value, place } of raw.all(section)) sum.update(JSON.stringify([section, name, place.file, value]))
  for (const digest of materials.digests) sum.update(digest)
  return sum.digest('hex').slice(0, 16)
}
