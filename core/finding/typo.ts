// The guess at what was meant: the name nearest to a misspelt one.

/** Longer words are not guessed at: the work grows with the square of the length. */
const maxLength = 64

/** The candidate that differs least from `word`, if the difference looks like a slip; the first of several. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > maxLength) return undefined
  const wanted = word.toLowerCase()
  let best: string | undefined
  // One slip in up to five characters, two in up to eight, three beyond.
  let bound = wanted.length <= 2 ? 1 : wanted.length <= 5 ? 2 : wanted.length <= 8 ? 3 : 4
  for (const candidate of candidates) {
    if (candidate.length > maxLength || candidate === word) continue
    const found = distance(wanted, candidate.toLowerCase(), bound)
    if (found < bound) [best, bound] = [candidate, found]
  }
  return best
}

/**
 * How many characters must be added, dropped, replaced or swapped with their neighbour to make `b` of `a` (optimal
 * string alignment); `bound` when it is that many or more.
 */
export function distance(a: string, b: string, bound = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) >= bound) return bound
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, at(before, j - 2) + 1)
      next.push(cost)
    }
    ;[before, row] = [row, next]
    if (Math.min(...row) >= bound && Math.min(...before) >= bound) return bound
  }
  return Math.min(at(row, b.length), bound)
}

/** Every index that is asked for is in the row. */
function at(row: readonly number[], index: number): number {
  return row[index] ?? 0
}
