// Which licences may stand in the tree of dependencies: permissive ones, that ask for a notice and no more.

export const allowed: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'Apache-2.0 WITH LLVM-exception',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'CDLA-Permissive-2.0',
  'ISC',
  'MIT',
  'MIT-0',
  'OpenSSL',
  'Unicode-3.0',
  'Unlicense',
  'Zlib',
])

/** Whether an SPDX expression can be met with allowed licences alone; "/" is the old spelling of OR. */
export function permits(expression: string): boolean {
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[\w.+-]+/g) ?? []
  let at = 0
  const one = (): boolean => {
    if (tokens[at] === '(') {
      at += 1
      const inside = any()
      if (tokens[at] !== ')') return false
      at += 1
      return inside
    }
    let name = tokens[at] ?? ''
    at += 1
    if (tokens[at] === 'WITH') {
      name += ` WITH ${tokens[at + 1] ?? ''}`
      at += 2
    }
    return allowed.has(name)
  }
  const all = (): boolean => {
    let met = one()
    while (tokens[at] === 'AND') {
      at += 1
      met = one() && met
    }
    return met
  }
  const any = (): boolean => {
    let met = all()
    while (tokens[at] === 'OR') {
      at += 1
      met = all() || met
    }
    return met
  }
  return any() && at === tokens.length
}
