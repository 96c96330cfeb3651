// Every test of a token with what was found, for the operator who asks why it is refused (`harmony token --verify`).
import type { Own } from './audience.ts'
import { readAudience } from './audience.ts'
import { before, current, signed } from './checks.ts'
import type { CheckName, Row, Subject, Trust } from './checks.ts'
import type { Members } from './decode.ts'
import type { TokenCode } from './reason.ts'
import { Presented, signatureHolds } from './verify.ts'

export type Check = { readonly name: CheckName; readonly ok: boolean; readonly detail: string }

export type Examination = {
  /** All tests, also those after the first that fails; only `form` when the token cannot be read. */
  readonly checks: readonly Check[]
  /** What the token says: to be believed when `code` is absent. */
  readonly claims: Members | undefined
  /** Of the first test that fails. */
  readonly code: TokenCode | undefined
}

/** Runs the tests of the ingress check; without `own` the audience is not tested. */
export async function examine(text: string, trust: Trust, own: Own | undefined, nowMs: number): Promise<Examination> {
  const token = new Presented(text)
  const { decoded } = token
  if (decoded === undefined) {
    const form: Check = { name: 'form', ok: false, detail: 'no JWT in compact form, or longer than 8192 characters' }
    return { checks: [form], claims: undefined, code: 'token/malformed' }
  }
  const { header, claims } = decoded
  const audience = readAudience(claims['aud'])
  const subject: Subject = { trust, header, claims, audience, own, nowSecs: nowMs / 1000 }
  const steps = [
    step('form', true, `${text.length} characters`),
    ...before.map((row) => ask(row, subject)),
    await signature(text, subject),
    ...signed.map((row) => ask(row, subject)),
    ...current.map((row) => ask(row, subject)),
  ]
  return {
    checks: steps.map(({ check }) => check),
    claims,
    code: steps.find(({ check }) => !check.ok)?.code,
  }
}

type Step = { readonly check: Check; readonly code: TokenCode }

function ask(row: Row, subject: Subject): Step {
  return step(row.name, row.passes(subject), row.says(subject), row.code)
}

async function signature(text: string, { header, trust }: Subject): Promise<Step> {
  const { kid } = header
  const { keys } = trust
  const named = keys.findIndex((key) => key.kid === kid)
  const hint =
    typeof kid !== 'string'
      ? 'the token names no key'
      : named < 0
        ? 'the token names a key that is not known here'
        : named === 0
          ? 'by the current key'
          : `by key ${named + 1} of ${keys.length}, from before the rotation`
  if (keys.length === 0) return step('signature', false, 'this gateway has no key to verify with', 'token/signature')
  return step('signature', await signatureHolds(text, header, trust), hint, 'token/signature')
}

function step(name: CheckName, ok: boolean, detail: string, code: TokenCode = 'token/malformed'): Step {
  return { check: { name, ok, detail }, code }
}
