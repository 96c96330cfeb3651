// One cell of the interop table.
import type { Case } from './cases.ts'
import { impossible } from './scenes.ts'
import type { Row, Stage } from './scenes.ts'

export type Outcome = { kind: 'pass' } | { kind: 'fail'; reason: string } | { kind: 'skip'; reason: string }

/** Why a case cannot run in a row, as far as that is known before anything is started. */
export function skipped(row: Row, { question, skip }: Case): string | undefined {
  const reason = impossible(row) ?? row.client.refuses({ http: row.http, ...question })
  if (reason) return reason
  if ((row.origin === 'nginx' || row.origin === 'caddy') && !/^\/(?:bytes|status)\//.test(question.path)) {
    return `${row.origin} serves no ${question.path} here`
  }
  if (question.resume && !row.secure) return 'no TLS, no session'
  return skip?.(row)
}

export async function play(stage: Stage, row: Row, one: Case): Promise<Outcome> {
  const reason = skipped(row, one)
  if (reason) return { kind: 'skip', reason }
  try {
    const scene = await stage.scene(row)
    const { path, ...question } = one.question
    const answer = await row.client.ask({ ...question, url: scene.base + path, http: row.http, ca: scene.ca })
    const fault = await one.fault(answer, scene)
    return fault === undefined ? { kind: 'pass' } : { kind: 'fail', reason: fault }
  } catch (error) {
    return { kind: 'fail', reason: error instanceof Error ? error.message : String(error) }
  }
}
