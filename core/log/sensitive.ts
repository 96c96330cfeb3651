// Which names hold secrets, and what secrets look like inside of text: of fields of the log, and of header fields,
// metadata, query parameters and members of JSON where they are shown. Keys of the configuration have rules of their
// own (config/mask.ts): there, paths of keys are no secrets, and misspelt keys may hold some.
import { redacted } from '../secret.ts'
import { globMatches } from './glob.ts'

/** Says of a name whether its value is masked. */
export type Sensitive = (name: string) => boolean

/** Names that always hold secrets, in lower case and without `-`, `_`, `.` and spaces. */
const always = new RegExp(
  'secret|password|passwd|passphrase|token|jwt|apikey|privatekey|accesskey|credential|session|signature|assertion|' +
    '(?:authorization|cookie)s?$|^(?:pwd|dpop)$',
)

/** Longer names are no names. */
const maxName = 256
const maxKnown = 2_000

/** `patterns` are globs (`proxy.sensitive_field_patterns`), in addition to the names that always hold secrets. */
export function sensitiveNames(patterns: readonly string[]): Sensitive {
  const known = new Map<string, boolean>()
  return (name) => {
    const seen = known.get(name)
    if (seen !== undefined) return seen
    if (name.length > maxName) return true
    const bare = name.toLowerCase().replace(/[-_.\s]/g, '')
    const masked = always.test(bare) || patterns.some((pattern) => globMatches(pattern, name))
    if (known.size < maxKnown) known.set(name, masked)
    return masked
  }
}

const suspicious = /eyJ|earer|EARER|asic |ASIC |@|-----BEGIN|=|ookie|uthorization|api-key|" ?:/i

// Each begins where no name character stands before it, so that a long run is looked at once.
const shapes: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  // a JWS or JWE (RFC 7515 3.1): its header begins with `{"`
  [/(?<![\w-])eyJ[\w-]*\.[\w-]*(?:\.[\w-]*){0,3}/g, redacted],
  [/(?<![\w-])([Bb]earer|BEARER|[Bb]asic|BASIC) +(?=[a-z]*[^a-z\s])[\w.~+/=-]{6,}/g, `$1 ${redacted}`],
  // fields as they stand in a message
  [/(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie|x-api-key): *[^\r\n]+/gi, `$1: ${redacted}`],
  // members of JSON
  [
    /"([\w-]{0,64}(?:token|secret|password|passwd|passphrase|jwt|api[-_]?key|authorization|cookie))"( ?: ?)"(?!\[redacted\])(?:[^"\\]|\\.)*"?/gi,
    `"$1"$2"${redacted}"`,
  ],
  // credentials in a URL
  [/:\/\/[^\s/?#@]*@/g, `://${redacted}@`],
  [
    /(?<![\w-])([\w-]*(?:token|secret|password|passwd|passphrase|jwt|api[-_]?key|credentials?))=(?!\[redacted\])[^\s&;,"'}\])]+/gi,
    `$1=${redacted}`,
  ],
]

/** Text with what looks like a secret masked. */
export function maskText(text: string): string {
  if (!suspicious.test(text)) return text
  return shapes.reduce((masked, [shape, by]) => masked.replace(shape, by), text)
}
