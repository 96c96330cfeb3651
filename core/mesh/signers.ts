// The minters of a configuration: one for each mesh that this gateway can sign for.
import type { Config, Mesh } from '../config/model.ts'
import { createMinter, signingOf } from './mint.ts'
import type { Minter } from './mint.ts'

export type Signers = {
  /** The minter of a mesh that `createEgressChoice` chose; nothing when this gateway cannot sign for it. */
  of(mesh: Pick<Mesh, 'name'>): Minter | undefined
}

/** Meshes of providers are not among them: their tokens come from elsewhere. */
export function createSigners({ meshes, providers, proxy }: Config): Signers {
  const minters = new Map<string, Minter>()
  for (const mesh of meshes.values()) {
    const signing = signingOf(mesh)
    if (!mesh.enabled || signing === undefined || providers.get(mesh.provider)?.kind !== 'local') continue
    minters.set(mesh.name, createMinter(signing, proxy.identity))
  }
  return { of: ({ name }) => minters.get(name) }
}
