// Which failed attempts are made again, when, and how many of them an upstream can be asked to bear (spec 6.2, G11).
import type { Failure, FailureDecision, Forward } from '../../quic/index.ts'

/** Why a failed attempt is not made again; `again` is that it is. */
export type Verdict = 'again' | 'unsafe' | 'pointless' | 'exhausted' | 'gone'

/** An attempt that failed before any of a response came. */
export type Failed = {
  /** As it was sent. */
  readonly method: string
  readonly failure: Pick<Failure, 'code' | 'replayable'>
  /** How often this request has been repeated already. */
  readonly repeated: number
  readonly maxRetries: number
  /** Nobody waits for the answer any more. */
  readonly gone: boolean
}

// RFC 9110 9.2.2
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Nothing of the request was processed: no connection came about, or the upstream says so (RFC 9113 8.7). */
const untouched: ReadonlySet<string> = new Set([
  'connect/closed',
  'connect/dns',
  'connect/refused',
  'connect/timeout',
  'connect/unreachable',
  'upstream/refused',
])

/** The upstream may have done the work: only what may be done twice is asked for twice. */
// upstream/truncated is not among them: a response had begun
const unclear: ReadonlySet<string> = new Set([
  'timeout/first-byte',
  'timeout/idle',
  'upstream/closed',
  'upstream/reset',
])

/** Whether an attempt may be made again; the budget has its say after this. */
export function judge({ method, failure, repeated, maxRetries, gone }: Failed): Verdict {
  if (gone) return 'gone'
  const safe = untouched.has(failure.code)
  if (!safe && !unclear.has(failure.code)) return 'pointless'
  if (!failure.replayable || (!safe && !idempotent.has(method))) return 'unsafe'
  return repeated < maxRetries ? 'again' : 'exhausted'
}

const firstWaitMs = 25
const longestWaitMs = 1_000

/** How long to wait before the next attempt: doubles each time, and half of it is chance. `random` is 0 to 1. */
// chance keeps requests that failed together from coming back together
export function backoffMs(repeated: number, random: number): number {
  const ceiling = Math.min(firstWaitMs * 2 ** repeated, longestWaitMs)
  return ceiling * (0.5 + random / 2)
}

export type BudgetOptions = {
  /** Retries that each request pays for. */
  readonly share?: number | undefined
  /** Retries within `windowMs` that need no requests to pay for them. */
  readonly floor?: number | undefined
  readonly windowMs?: number | undefined
}

/**
 * How many retries an upstream can be asked to bear: a share of its requests and a small floor, so that retries
 * cannot multiply an outage. What is not used is forgotten over the window. Times are in ms, of any one clock.
 */
export class Budget {
  readonly #share: number
  readonly #floor: number
  readonly #windowMs: number
  #tokens: number
  #atMs: number

  constructor(nowMs: number, { share = 0.2, floor = 10, windowMs = 10_000 }: BudgetOptions = {}) {
    this.#share = share
    this.#floor = floor
    this.#windowMs = windowMs
    this.#tokens = floor
    this.#atMs = nowMs
  }

  /** A request, not a retry, is sent. */
  deposit(nowMs: number): void {
    this.#settle(nowMs)
    this.#tokens += this.#share
  }

  /** Takes one retry; false when the budget is spent. */
  take(nowMs: number): boolean {
    this.#settle(nowMs)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** What is saved decays, and what is overdrawn recovers, towards the floor. */
  #settle(nowMs: number): void {
    const passedMs = nowMs - this.#atMs
    // a clock that is set back costs nobody his budget
    this.#atMs = nowMs
    if (passedMs <= 0) return
    this.#tokens = this.#floor + (this.#tokens - this.#floor) * Math.exp(-passedMs / this.#windowMs)
  }
}

/** Why no further attempt was made: a verdict, or the budget was spent. */
export type End = Exclude<Verdict, 'again'> | 'budget'

export type Retries = {
  /** As it is sent. */
  readonly method: string
  readonly max: number
  readonly budget: Budget
  /** The request's; asked for only when an attempt fails. */
  readonly signal: () => AbortSignal
  /** In ms, of the clock that the budget has. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random?: (() => number) | undefined
  /** Told of each repetition, before its wait. */
  readonly onRetry?: ((failure: Failure) => void) | undefined
  /** The answer when no further attempt is made. */
  readonly giveUp: (failure: Failure, why: End) => FailureDecision | Promise<FailureDecision>
}

/** The decision, made again after failures as long as that is safe and within the budget. */
export function withRetries(forward: Forward, retries: Retries): Forward {
  const { budget, now, random = Math.random } = retries
  budget.deposit(now())
  let repeated = 0
  const onFailure = (failure: Failure): FailureDecision | Promise<FailureDecision> => {
    const signal = retries.signal()
    const verdict = judge({
      method: retries.method,
      failure,
      repeated,
      maxRetries: retries.max,
      gone: signal.aborted,
    })
    if (verdict !== 'again') return retries.giveUp(failure, verdict)
    if (!budget.take(now())) return retries.giveUp(failure, 'budget')
    retries.onRetry?.(failure)
    const waitMs = backoffMs(repeated, random())
    repeated += 1
    return pause(waitMs, signal).then((stayed) => (stayed ? decision : retries.giveUp(failure, 'gone')))
  }
  const decision: Forward = { ...forward, onFailure }
  return decision
}

/** Waits; false when the signal came first. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const leave = (): void => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', leave)
      resolve(true)
    }, ms)
    signal.addEventListener('abort', leave, { once: true })
  })
}
