// Values of header fields as rules look at them. A client may send a field twice where one was meant, and servers
// disagree on which of the two they read; RFC 9110 5.3 lets anybody join them with a comma. Bytes beyond ASCII may be
// UTF-8 or ISO 8859-1.
import type { RuleMode } from '../../config/middleware.ts'
import type { HeadView } from '../exchange.ts'

/**
 * The values to look at: for denying each of them and all of them joined, however they are read, so that a harmless
 * one hides no other; for allowing the joined one alone, so that a second value lets nothing ride along.
 */
export function valuesOf(head: HeadView, name: string, mode: RuleMode): readonly string[] {
  // the engine takes `Host` out of the fields: the authority is what it said
  const values = name === 'host' ? [head.authority] : head.headerAll(name)
  const joined = values.length > 1 ? values.join(name === 'cookie' ? '; ' : ', ') : values[0]
  if (joined === undefined) return []
  if (mode === 'allow') return [textOf(joined)]
  const all = values.length > 1 ? [...values, joined] : values
  return isAscii(joined) ? all : [...all, ...all.map(lenient)]
}

/** Text whose bytes came as characters: UTF-8 where it is, and what is no UTF-8 replaced by U+FFFD. */
export function lenient(value: string): string {
  return isAscii(value) ? value : Buffer.from(value, 'latin1').toString('utf8')
}

function textOf(value: string): string {
  const text = lenient(value)
  return text.includes('\ufffd') ? value : text
}

function isAscii(value: string): boolean {
  return !/[\u0080-\u00ff]/.test(value)
}
