// Verifies mesh tokens (spec 7.3, decisions 10 to 12). A token that was accepted is known until it expires: the next
// request with it costs a hash and a few comparisons. What is refused is not remembered, so that nobody without a
// key can push anything out of the memory.
import { hash } from 'node:crypto'
import { compactVerify } from 'jose'
import type { Mesh } from '../config/model.ts'
import { readAudience } from './audience.ts'
import type { Own } from './audience.ts'
import { maxTokenLength } from './bearer.ts'
import { before, current, signed } from './checks.ts'
import type { Row, Subject, Trust } from './checks.ts'
import { decode } from './decode.ts'
import type { Decoded, Members } from './decode.ts'
import type { Accepted, TokenMemory } from './memory.ts'
import type { TokenCode } from './reason.ts'

export type Verdict =
  | { readonly ok: true; readonly sub: string; readonly claims: Members }
  | { readonly ok: false; readonly code: TokenCode }

/** Verifies the tokens of one mesh, or of one `mesh_auth`. */
export type Verifier = {
  readonly mesh: string
  readonly meshId: string
  /** The verdict at once, when the token was accepted before; nothing when it must be verified. */
  known(token: Presented, own: Own, nowMs: number): Verdict | undefined
  /** `own` are the origins that a token may be for here; `nowMs` is Unix time. Never rejects. */
  verify(token: Presented, own: Own, nowMs: number): Promise<Verdict>
}

/** More keys than a rotation needs are not tried: each costs a signature (decision 12). */
const maxKeys = 4

/** A token as a request shows it: hashed and read once, whoever asks. */
export class Presented {
  readonly text: string
  #key: string | undefined
  #decoded: Decoded | undefined
  #read = false

  constructor(text: string) {
    this.text = text
  }

  /** Stands for the token, so that no memory holds tokens. */
  get key(): string {
    return (this.#key ??= hash('sha256', this.text, 'base64url'))
  }

  get decoded(): Decoded | undefined {
    if (!this.#read) {
      this.#read = true
      this.#decoded = this.text.length > maxTokenLength ? undefined : decode(this.text)
    }
    return this.#decoded
  }
}

/** Whose tokens a mesh accepts. */
export function trustOf(mesh: Mesh): Trust {
  return {
    mesh: mesh.name,
    meshId: mesh.id,
    algorithm: mesh.algorithm,
    keys: mesh.verification,
    leewaySecs: mesh.leewaySecs,
    verifyAudience: mesh.verifyAudience,
  }
}

/** A verifier with the keys at hand. */
export function createVerifier(trust: Trust, memory: TokenMemory): Verifier {
  const space = memory.space()
  const pending = new Map<string, Promise<boolean>>()

  /** Requests that show one token at the same time share one verification. */
  const signature = (token: Presented, header: Members): Promise<boolean> => {
    const running = pending.get(token.key)
    if (running !== undefined) return running
    const started = signatureHolds(token.text, header, trust).finally(() => pending.delete(token.key))
    pending.set(token.key, started)
    return started
  }

  return {
    mesh: trust.mesh,
    meshId: trust.meshId,

    known(token, own, nowMs) {
      const found = space.find(token.key)
      if (found === undefined) return undefined
      const code = failing(current, subjectOf(trust, found, own, nowMs))
      if (code === undefined) return accepted(found)
      if (code === 'token/expired') space.drop(token.key)
      return refused(code)
    },

    async verify(token, own, nowMs) {
      const { decoded } = token
      if (decoded === undefined) return refused('token/malformed')
      const { header, claims } = decoded
      const subject: Subject = {
        ...subjectOf(trust, { claims, audience: readAudience(claims['aud']) }, own, nowMs),
        header,
      }
      const code = failing(before, subject)
      if (code !== undefined) return refused(code)
      if (!(await signature(token, header))) return refused('token/signature')
      const late = failing(signed, subject) ?? failing(current, subject)
      if (late !== undefined) return refused(late)
      const entry: Accepted = { sub: String(claims['sub']), claims: Object.freeze(claims), audience: subject.audience }
      space.add(token.key, entry, token.text.length)
      return accepted(entry)
    },
  }
}

/** A verifier that accepts nothing, for meshes whose keys this build cannot have. */
export function createRefuser(trust: Pick<Trust, 'mesh' | 'meshId'>, code: TokenCode): Verifier {
  const { mesh, meshId } = trust
  return { mesh, meshId, known: () => refused(code), verify: async () => Promise.resolve(refused(code)) }
}

/** Whether one of the keys made the signature. Never rejects: what cannot be verified is not verified. */
export async function signatureHolds(token: string, header: Members, trust: Trust): Promise<boolean> {
  const { kid } = header
  // RFC 7515 4.1.4: a hint. Other makers name keys in their own way, so an unknown name tries them all.
  const named = trust.keys.filter((key) => key.kid === kid)
  const candidates = (named.length > 0 ? named : trust.keys).slice(0, maxKeys)
  for (const { key } of candidates) {
    try {
      await compactVerify(token, key, { algorithms: [trust.algorithm] })
      return true
    } catch {
      // the next key
    }
  }
  return false
}

/** The code of the first row that does not pass. */
function failing(rows: readonly Row[], subject: Subject): TokenCode | undefined {
  return rows.find((row) => !row.passes(subject))?.code
}

function subjectOf(trust: Trust, token: Pick<Accepted, 'claims' | 'audience'>, own: Own, nowMs: number): Subject {
  return { trust, header: {}, claims: token.claims, audience: token.audience, own, nowSecs: nowMs / 1000 }
}

function accepted({ sub, claims }: Accepted): Verdict {
  return { ok: true, sub, claims }
}

function refused(code: TokenCode): Verdict {
  return { ok: false, code }
}
