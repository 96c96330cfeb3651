// Waiting in tests: for a promise or for a condition, never longer than a deadline, never by a fixed sleep.
import { setTimeout as pause } from 'node:timers/promises'

/** The promise's value, or an error that names what did not happen within the time. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again and again until the answer is truthy, and returns it; the error names what was awaited. */
export async function until<T>(
  ms: number,
  what: string,
  ask: () => T | Promise<T>,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const end = performance.now() + ms
  for (;;) {
    const answer = await ask()
    // The cast says what the condition has just proved.
    if (answer) return answer as Exclude<T, undefined | null | false | 0 | ''>
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await pause(5)
  }
}
