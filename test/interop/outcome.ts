// One cell of the interop table.
import type { Case } from './cases.ts'
import { missing } from './scenes.ts'
import type { Row, Stage } from './scenes.ts'

export type Outcome = { kind: 'pass' } | { kind: 'fail'; reason: string } | { kind: 'skip'; reason: string }

/** Whether a case means anything in a row: the client has the means for it, and the origin the path. */
export function applies(row: Row, { question, shows }: Case): boolean {
  const files = row.origin === 'nginx' || row.origin === 'caddy'
  if (files && !/^\/(?:bytes|status)\//.test(question.path)) return false
  // Without TLS there is no session to resume.
  if (question.resume && !row.secure) return false
  return row.client.knows({ http: row.http, ...question }) && shows?.(row) !== false
}

export async function play(stage: Stage, row: Row, one: Case): Promise<Outcome> {
  const reason = missing(row)
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
