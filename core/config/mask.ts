// Which values are never shown, and how the others are.
import { distance } from '../finding/typo.ts'
import { quoted } from '../finding/words.ts'

/** Whether a key of this name holds a secret. Too often rather than too seldom. */
export function looksSecret(key: string): boolean {
  return (secretWord.test(key) || misspelt(key)) && !harmless.test(key)
}

/** A secret under a key with a slip in it is a secret still: `jwt_secrt`. */
function misspelt(key: string): boolean {
  if (key.length > 64) return true
  return key
    .toLowerCase()
    .split(/[_-]/)
    .some((part) => part.length > 3 && words.some((word) => distance(part, word, 3) < 3 && part[0] === word[0]))
}

const words = ['secret', 'password', 'passphrase', 'token', 'credential', 'credentials', 'authorization', 'cookie']

/** Of a long text, what is looked through; a message shows less of it. */
const maxLooked = 2000

/** `value` as a message shows it; `secret`: only what kind of value it is. */
export function show(value: unknown, secret = false): string {
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return secret ? 'a date' : `the date ${value.toJSON()}`
  if (typeof value === 'string')
    return secret ? 'text that is not shown' : quoted(withoutCredentials(value.slice(0, maxLooked)))
  // As TOML writes them.
  if (typeof value === 'number')
    return secret ? 'a number' : String(value).replace('Infinity', 'inf').replace('NaN', 'nan')
  if (typeof value === 'boolean') return secret ? 'a boolean' : String(value)
  return 'a table'
}

/** The same text, as long as before, with the credentials of URLs and the defaults of variables masked. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/(:\/\/)([^/?#@\s]{1,1000})(?=@)/g, (_, lead: string, user: string) => lead + '*'.repeat(user.length))
    .replace(/(\$\{\w{1,200}:-)([^}]{1,1000})/g, (_, lead: string, given: string) => lead + '*'.repeat(given.length))
}

const secretWord = new RegExp(
  'secret|passw|passphrase|pwd|token|credential|authorization|cookie|private|' +
    'api[_-]?key|access[_-]?key|(?:^|[_-])keys?$|(?:^|[_-])auth(?:$|[_-])',
  'i',
)

/** Names of secrets, and places where they are: not the secrets themselves. */
const harmless = /(?:_paths?|_files?|_urls?|_uris?|_secs|_seconds|_hours|^auth_type)$/i
