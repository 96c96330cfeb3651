// What the engine refuses before the gateway is asked: the limits of a network that a head can be held against
// without its bytes.
import type { NetworkLimits } from '../../config/model.ts'
import type { Arrival } from '../../pipeline/exchange.ts'

/** Why the engine itself answers: a code of its table (docs/errors.md) and the status. */
export type EngineRefusal = { readonly code: string; readonly status: number; readonly detail: string }

/** None: the gateway is asked. Clients add fields of their own, so that a head at the limit may be over it. */
export function engineRefusal(
  { method, target, headers }: Pick<Arrival, 'method' | 'target' | 'headers'>,
  { maxTargetBytes, maxFields, maxHeadBytes }: NetworkLimits,
): EngineRefusal | undefined {
  if (method === 'CONNECT') return { code: 'request/connect', status: 501, detail: 'a plain CONNECT is refused' }
  if (target.length > maxTargetBytes) {
    const detail = `the target has ${target.length} bytes: at most ${maxTargetBytes} are taken`
    return { code: 'request/target-too-long', status: 414, detail }
  }
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (headers.length <= maxFields && bytes <= maxHeadBytes) return undefined
  const detail = `the head has ${headers.length} fields and ${bytes} bytes: at most ${maxFields} and ${maxHeadBytes} are taken`
  return { code: 'request/head-too-large', status: 431, detail }
}
