// What a client says in `Authorization`, for the middleware that check it.
import type { HeadView } from './exchange.ts'

export type Credentials = { readonly value: string } | { readonly problem: 'missing' | 'invalid' }

/**
 * What follows the name of the scheme (lower case here). The name matches without regard to case, one space or more
 * follow (decision 21). Another scheme is none at all; two fields are refused: who reads the other one is not known.
 */
export function credentialsOf(head: Pick<HeadView, 'headerAll'>, scheme: string): Credentials {
  const [field, second] = head.headerAll('authorization')
  if (field === undefined) return { problem: 'missing' }
  if (second !== undefined) return { problem: 'invalid' }
  const name = field.slice(0, scheme.length)
  const behind = field.slice(scheme.length)
  if (name.toLowerCase() !== scheme || (behind !== '' && !behind.startsWith(' '))) return { problem: 'missing' }
  const value = behind.trim()
  return value === '' ? { problem: 'invalid' } : { value }
}
