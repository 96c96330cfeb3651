// Reads the structure of a regular expression: alternatives, groups, repetitions, assertions. What stands for one
// character (a letter, an escape, a class) is kept as written: JavaScript's own engine says what it matches.

export type Node =
  | { readonly kind: 'character'; readonly source: string }
  | { readonly kind: 'assertion'; readonly which: Assertion }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

export type Assertion = '^' | '$' | 'b' | 'B'

/** Groups within groups. */
const maxDepth = 50

/** Parses an expression that JavaScript accepts without the flags `u` and `v`; throws at what needs backtracking. */
export function parse(source: string): Node {
  const reader = new Reader(source)
  const node = reader.choice(0)
  if (!reader.done) throw new Error('has a ) without its (')
  return node
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at >= this.#text.length
  }

  choice(depth: number): Node {
    if (depth > maxDepth) throw new Error(`nests groups more than ${maxDepth} deep`)
    const nodes = [this.#sequence(depth)]
    while (this.#skip('|')) nodes.push(this.#sequence(depth))
    const [only] = nodes
    return nodes.length === 1 && only !== undefined ? only : { kind: 'choice', nodes }
  }

  #sequence(depth: number): Node {
    const nodes: Node[] = []
    while (!this.done && this.#peek() !== '|' && this.#peek() !== ')') nodes.push(this.#repeated(this.#atom(depth)))
    return { kind: 'sequence', nodes }
  }

  #repeated(node: Node): Node {
    const [min, max] = this.#bounds()
    if (min === undefined || max === undefined) return node
    // greedy or not: it decides what is captured, not whether it matches
    this.#skip('?')
    return { kind: 'repeat', node, min, max }
  }

  #bounds(): [min?: number, max?: number] {
    if (this.#skip('*')) return [0, Infinity]
    if (this.#skip('+')) return [1, Infinity]
    if (this.#skip('?')) return [0, 1]
    const braces = this.#take(/\{(\d+)(,?)(\d*)\}/y)
    if (braces === undefined) return []
    const [, min = '', comma = '', max = ''] = braces
    return [Number(min), comma === '' ? Number(min) : max === '' ? Infinity : Number(max)]
  }

  #atom(depth: number): Node {
    if (this.#skip('(')) return this.#group(depth)
    if (this.#skip('^')) return { kind: 'assertion', which: '^' }
    if (this.#skip('$')) return { kind: 'assertion', which: '$' }
    if (this.#skip('\\b')) return { kind: 'assertion', which: 'b' }
    if (this.#skip('\\B')) return { kind: 'assertion', which: 'B' }
    if (this.#take(/\\[1-9k]/y)) throw new Error('refers back to a group: that cannot be matched in bounded time')
    if (this.#take(/\\(?:[pPc]|0\d)/y))
      throw new Error('uses an escape that means different things to different engines')
    const found = this.#take(/\[(?:\\[^]|[^\]\\])*\]|\\x[\da-f]{2}|\\u[\da-f]{4}|\\[^]|[^]/iy)
    const [source = ''] = found ?? []
    // braces and brackets that mean themselves
    return { kind: 'character', source: /^[{}\]]$/.test(source) ? `\\${source}` : source }
  }

  #group(depth: number): Node {
    if (this.#take(/\?(?:[=!]|<[=!])/y))
      throw new Error('looks ahead or behind: that cannot be matched in bounded time')
    if (this.#take(/\?(?![:<])/y)) throw new Error('changes flags inside a group: put them behind the last slash')
    this.#take(/\?(?::|<[^>]*>)/y)
    const node = this.choice(depth + 1)
    if (!this.#skip(')')) throw new Error('has a ( without its )')
    return node
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  #skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#text) ?? undefined
    this.#at += found?.[0].length ?? 0
    return found
  }
}
