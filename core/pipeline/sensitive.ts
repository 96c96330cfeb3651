// Names whose values are never shown: of header fields, metadata, query parameters and members of JSON.

/** What is hidden without being asked for; `_` and `-` are one. */
const usual = [
  'authorization',
  'proxy-authorization',
  'harmony-forwarded-authorization',
  'cookie',
  'set-cookie',
  '*api-key*',
  '*apikey*',
  '*secret*',
  '*password*',
  '*passwd*',
  '*passphrase*',
  'pwd',
  '*token*',
  '*credential*',
  '*private-key*',
  '*session*',
  '*signature*',
  '*assertion*',
  '*jwt*',
  'dpop',
]

/** Compiles globs (`*_key`): `*` is any text, letter case does not matter. */
export function compileSensitive(patterns: readonly string[]): (name: string) => boolean {
  const globs = [...usual, ...patterns].map((pattern) => shape(pattern).split('*'))
  const known = new Map<string, boolean>()
  return (name) => {
    const shaped = shape(name)
    const before = known.get(shaped)
    if (before !== undefined) return before
    const sensitive = globs.some((parts) => matches(parts, shaped))
    // names come from clients: only so many are remembered
    if (known.size < 1000 && shaped.length <= 64) known.set(shaped, sensitive)
    return sensitive
  }
}

/** The parts of a glob in order: the first at the start, the last at the end, each at its first place behind the one before. */
function matches(parts: readonly string[], name: string): boolean {
  const [first = '', ...others] = parts
  const last = others.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  for (const part of others) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - last.length
}

function shape(text: string): string {
  return text.toLowerCase().replaceAll('_', '-')
}
