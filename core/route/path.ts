// Request targets: path and query as they go upstream, byte for byte, and the one spelling of the path by which
// routes are found. What can be read in more than one way is refused (decision 20).

/** A target taken apart. `path` and `query` together are the target. */
export type Target = {
  /** As it came; `*` for the server as a whole. */
  readonly path: string
  /** `?` and what follows it; empty without. */
  readonly query: string
  /** The path's one spelling, with the same slashes in the same order: for comparing, never for sending. */
  readonly key: string
  /** True when lenient servers cannot read the path in another way: see `readings`. */
  readonly plain: boolean
}

/** Why a target is refused; safe to log. */
export type PathProblem = 'form' | 'dots' | 'backslash' | 'control' | 'percent' | 'fragment'

/**
 * Takes a request's target apart, or says why it is refused. Slashes are never merged, `%2f` and `%5c` are never
 * decoded, and a `?` with nothing behind it is kept. An absolute form is refused: the transport has taken it apart.
 */
export function splitTarget(target: string): Target | PathProblem {
  if (target.charCodeAt(0) !== slash) return target === '*' ? whole : 'form'
  let end = target.length
  let plain = true
  let respell = false
  for (let i = 1; i < end; i++) {
    const kind = kindOf(target.charCodeAt(i))
    if (kind === kinds.plain) continue
    if (kind === kinds.slash) plain &&= target.charCodeAt(i - 1) !== slash
    else if (kind === kinds.dot) {
      if (target.charCodeAt(i - 1) === slash && isDots(target, i)) return 'dots'
    } else if (kind === kinds.semicolon) plain = false
    else if (kind === kinds.question) end = i
    else if (kind === kinds.percent || kind === kinds.odd) respell = true
    else return kind === kinds.hash ? 'fragment' : kind === kinds.backslash ? 'backslash' : 'control'
  }
  const query = target.substring(end)
  if (query !== '') {
    if (query.includes('#')) return 'fragment'
    if (unprintable.test(query)) return 'control'
  }
  const path = query === '' ? target : target.substring(0, end)
  if (!respell) return { path, query, key: path, plain }
  const spelled = spell(path)
  if (typeof spelled === 'string') return spelled
  return { path, query, key: spelled.key, plain: plain && !hidden.test(spelled.key) }
}

/**
 * What else a server may make of a path that is not plain: some decode `%2f` and `%5c`, some drop parameters
 * (`;v=1`), some merge slashes, and in different orders. Every prefix without such things that any of them sees at
 * the start of the path is at the start of one of these readings too.
 */
export function readings(target: Target): readonly string[] {
  if (target.plain) return []
  const { key } = target
  const decodedLast = merge(decode(strip(key)))
  const decodedFirst = merge(strip(decode(key)))
  return decodedFirst === decodedLast ? [decodedLast] : [decodedFirst, decodedLast]
}

/** Whether a path is a prefix or lies below it, at the boundary of a segment. Both are keys. */
export function covers(prefix: string, key: string): boolean {
  if (prefix.length === 1) return true
  return key.startsWith(prefix) && (key.length === prefix.length || key.charCodeAt(prefix.length) === slash)
}

// --- spelling ---

const slash = 0x2f
const whole: Target = { path: '*', query: '', key: '*', plain: true }
const unprintable = /[^\x21-\x7e]/
/** In a key: what some servers take for a separator, or for the end of a segment's name. */
const hidden = /%2F|%5C|;/

const kinds = {
  plain: 0,
  slash: 1,
  dot: 2,
  semicolon: 3,
  percent: 4,
  question: 5,
  hash: 6,
  backslash: 7,
  /** Printable, but not for a path (RFC 3986 3.3): sent as it came, percent-encoded in keys. */
  odd: 8,
  unprintable: 9,
} as const

const table = new Uint8Array(128).fill(kinds.unprintable)
table.fill(kinds.odd, 0x21, 0x7f)
for (const c of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_~!$&'()*+,=:@")
  table[c.charCodeAt(0)] = kinds.plain
table[slash] = kinds.slash
table[0x2e] = kinds.dot
table[0x3b] = kinds.semicolon
table[0x25] = kinds.percent
table[0x3f] = kinds.question
table[0x23] = kinds.hash
table[0x5c] = kinds.backslash

function kindOf(code: number): number {
  return table[code] ?? kinds.unprintable
}

/** Whether the segment that begins at `at` is `.` or `..`; parameters do not make it another (`..;a`). */
function isDots(text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1) === 0x2e ? at + 2 : at + 1
  if (next >= text.length) return true
  const code = text.charCodeAt(next)
  return code === slash || code === 0x3b || code === 0x3f
}

// The same, also where `%2f` and `%5c` would separate segments: `/a/..%2fb` climbs where they are decoded.
const dots = /(?:\/|%2F|%5C)\.\.?(?=\/|;|%2F|%5C|$)/

/**
 * The one spelling of a path: octets that a segment may hold stand for themselves, all others are percent-encoded in
 * upper case, and so are `/` and `\` where they were (RFC 3986 6.2.2, and further: servers decode more than the
 * unreserved characters).
 */
function spell(path: string): { readonly key: string } | PathProblem {
  let out = ''
  let from = 0
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    const kind = kindOf(code)
    if (kind !== kinds.percent && kind !== kinds.odd) continue
    out += path.substring(from, i)
    if (kind === kinds.odd) out += encoded(code)
    else {
      const octet = octetAt(path, i)
      if (octet < 0 || isOverlong(octet, path, i + 3)) return 'percent'
      if (octet < 0x20 || octet === 0x7f) return 'control'
      const inner = kindOf(octet)
      const stands = inner === kinds.plain || inner === kinds.dot || inner === kinds.semicolon
      out += stands ? String.fromCharCode(octet) : encoded(octet)
      i += 2
    }
    from = i + 1
  }
  out += path.substring(from)
  return dots.test(out) ? 'dots' : { key: out }
}

/** The octet that `%xx` at `at` stands for; -1 when it is none. */
function octetAt(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x25) return -1
  const high = digit(text.charCodeAt(at + 1))
  const low = digit(text.charCodeAt(at + 2))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** RFC 3629 3: a longer form of a shorter sequence (`%c0%af` for a slash) is not UTF-8, and yet it is decoded by some. */
function isOverlong(octet: number, text: string, next: number): boolean {
  const bound = octet === 0xc0 || octet === 0xc1 ? 0xbf : octet === 0xe0 ? 0x9f : octet === 0xf0 ? 0x8f : 0
  if (bound === 0) return false
  const second = octetAt(text, next)
  return second >= 0x80 && second <= bound
}

function encoded(octet: number): string {
  return `%${octet < 16 ? '0' : ''}${octet.toString(16).toUpperCase()}`
}

function strip(key: string): string {
  return key.replace(/;[^/]*/g, '')
}

function decode(key: string): string {
  return key.replace(/%2F|%5C/g, '/')
}

function merge(key: string): string {
  return key.replace(/\/\/+/g, '/')
}
