// A regular expression as a program that is run over a text once, all alternatives side by side (Thompson's
// construction): the time is bounded by the length of the text times the length of the program, whatever they are.
import type { Assertion, Node } from './parse.ts'

/** Says whether a UTF-16 unit is matched. */
export type Test = (code: number) => boolean

export type Step =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'assertion'; readonly which: Assertion }
  /** Goes on at both places. */
  | { readonly kind: 'fork'; readonly to: readonly [number, number] }
  | { readonly kind: 'end' }

/** Compiles a parsed expression; throws when it would have more than `maxSteps` steps. */
export function compile(node: Node, testOf: (source: string) => Test, maxSteps: number): readonly Step[] {
  const steps: Step[] = []
  let work = 0

  const emit = (step: Step): number => {
    if (steps.length >= maxSteps) throw new Error(`is too large: repetitions make more than ${maxSteps} steps of it`)
    return steps.push(step) - 1
  }
  const fork = (at: number, first: number, second: number): void => {
    steps[at] = { kind: 'fork', to: [first, second] }
  }
  const hole = (): number => emit({ kind: 'end' })

  const optional = (inner: Node): void => {
    const at = hole()
    add(inner)
    fork(at, at + 1, steps.length)
  }
  const loop = (inner: Node): void => {
    const at = hole()
    add(inner)
    const back = hole()
    fork(back, at, at)
    fork(at, at + 1, steps.length)
  }
  const choose = (nodes: readonly Node[]): void => {
    const exits: number[] = []
    for (const [index, branch] of nodes.entries()) {
      const at = index < nodes.length - 1 ? hole() : undefined
      add(branch)
      if (at === undefined) continue
      exits.push(hole())
      fork(at, at + 1, steps.length)
    }
    for (const exit of exits) fork(exit, steps.length, steps.length)
  }
  const add = (node: Node): void => {
    // a repetition of nothing makes no steps, and still must come to an end
    if (++work > maxSteps * 10) throw new Error(`is too large: repetitions make more than ${maxSteps} steps of it`)
    switch (node.kind) {
      case 'character':
        emit({ kind: 'character', test: testOf(node.source) })
        return
      case 'assertion':
        emit(node)
        return
      case 'sequence':
        for (const part of node.nodes) add(part)
        return
      case 'choice':
        choose(node.nodes)
        return
      case 'repeat':
        for (let count = 0; count < node.min; count++) add(node.node)
        if (node.max === Infinity) loop(node.node)
        else for (let count = node.min; count < node.max; count++) optional(node.node)
    }
  }

  add(node)
  emit({ kind: 'end' })
  return steps
}

/** Whether the program finds a match anywhere in the text. */
export function search(steps: readonly Step[], text: string, multiline: boolean): boolean {
  const seen = new Int32Array(steps.length).fill(-1)
  let current: number[] = []
  let next: number[] = []
  const stack: number[] = []

  /** Follows forks and assertions from a step; true at the end. */
  const enter = (start: number, at: number, into: number[]): boolean => {
    stack.push(start)
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      const step = steps[place]
      if (step === undefined || seen[place] === at) continue
      seen[place] = at
      if (step.kind === 'end') return true
      if (step.kind === 'character') into.push(place)
      else if (step.kind === 'fork') stack.push(step.to[1], step.to[0])
      else if (holds(step.which, text, at, multiline)) stack.push(place + 1)
    }
    return false
  }

  for (let at = 0; ; at++) {
    // a match may begin at every place
    if (enter(0, at, current)) return true
    if (at === text.length) return false
    const code = text.charCodeAt(at)
    for (const place of current) {
      const step = steps[place]
      if (step?.kind === 'character' && step.test(code) && enter(place + 1, at + 1, next)) return true
    }
    ;[current, next] = [next, current]
    next.length = 0
  }
}

function holds(which: Assertion, text: string, at: number, multiline: boolean): boolean {
  if (which === '^') return at === 0 || (multiline && isLineEnd(text[at - 1]))
  if (which === '$') return at === text.length || (multiline && isLineEnd(text[at]))
  return (isWord(text[at - 1]) !== isWord(text[at])) === (which === 'b')
}

function isLineEnd(character: string | undefined): boolean {
  return character === '\n' || character === '\r' || character === '\u2028' || character === '\u2029'
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /^\w$/.test(character)
}
