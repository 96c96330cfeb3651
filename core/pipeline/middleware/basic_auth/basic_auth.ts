// `basic_auth` (spec 5.4, RFC 7617): one name and one password.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { RefusalCode } from '../../../refusal/table.ts'
import { refuse } from '../../../refusal/refusal.ts'
import type { Refusal } from '../../../refusal/refusal.ts'
import { credentialsOf } from '../../credentials.ts'
import type { Handler, MiddlewareOf } from '../../middleware.ts'
import { readUserPass } from './userpass.ts'

/** RFC 7617 2.1: the charset is a hint for clients; what they send is compared byte by byte. */
const challenge = 'Basic realm="harmony", charset="UTF-8"'

export function basicAuth({ name, type, username, password }: MiddlewareOf<'basic_auth'>): Handler {
  // Hashed, names and passwords of all lengths take the same time to compare; the key makes the hashes useless elsewhere.
  const key = randomBytes(32)
  const digest = (value: string | Uint8Array): Buffer => createHmac('sha256', key).update(value).digest()
  const wantedName = digest(username)
  const wantedPassword = digest(password.reveal())

  const refused = (code: RefusalCode, reason: string): Refusal =>
    refuse(code, `${name}: ${reason}`, [['www-authenticate', challenge]])

  return {
    name,
    type,
    left({ head }) {
      const given = credentialsOf(head, 'basic')
      if ('problem' in given) {
        return given.problem === 'missing'
          ? refused('auth/missing', 'the request has no basic credentials')
          : refused('auth/invalid', 'the authorization field is malformed or there twice')
      }
      const pair = readUserPass(given.value)
      if (pair === undefined) return refused('auth/invalid', 'the credentials are malformed')
      const named = timingSafeEqual(digest(pair.username), wantedName)
      const proven = timingSafeEqual(digest(pair.password), wantedPassword)
      // both are compared before either decides
      return named && proven ? undefined : refused('auth/invalid', 'the name or the password is wrong')
    },
  }
}
