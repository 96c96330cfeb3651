// Globs over names: `*` is any run of characters, `?` is one; `_` and `-` are the same. Linear in the name for each star, whatever the pattern.

/** Whether a name matches a pattern; letter case does not matter. */
export function globMatches(pattern: string, name: string): boolean {
  return matches(folded(pattern), folded(name))
}

function folded(text: string): string {
  return text.toLowerCase().replaceAll('_', '-')
}

function matches(pattern: string, name: string): boolean {
  let at = 0
  let of = 0
  let star = -1
  let resume = 0
  while (at < name.length) {
    const wanted = pattern[of]
    if (wanted === '*') {
      star = of
      of += 1
      resume = at
    } else if (wanted === '?' || wanted === name[at]) {
      of += 1
      at += 1
    } else if (star >= 0) {
      // the star takes one character more
      of = star + 1
      resume += 1
      at = resume
    } else return false
  }
  while (pattern[of] === '*') of += 1
  return of === pattern.length
}
