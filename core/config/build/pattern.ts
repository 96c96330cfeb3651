// Path patterns of the rule `path` and of path_filter (spec 5.6, C39): whether they can be read, and their one form.

/** The pattern with a slash first, or what is wrong with it. `*` alone stands for everything. */
export function parsePattern(text: string): { readonly pattern: string } | { readonly problem: string } {
  if (text === '*') return { pattern: text }
  if (text.length > maxLength) return { problem: `must not be longer than ${maxLength} characters` }
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f?#\\]/.test(text))
    return { problem: 'must not contain spaces, control characters, ?, # or a backslash' }
  const pattern = text.startsWith('/') ? text : `/${text}`
  const segments = pattern.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    if (segment === '.' || segment === '..') return { problem: 'must not have . or .. segments: no request has them' }
    if (!/[{}]/.test(segment)) continue
    if (/^\{\*[^{}*]+\}$/.test(segment)) {
      if (index !== segments.length - 1) return { problem: `must not have anything behind ${segment}` }
    } else if (!/^\{[^{}*]+\}$/.test(segment)) return { problem: 'must have {name} or {*name} as a whole segment' }
  }
  return { pattern }
}

const maxLength = 1024
