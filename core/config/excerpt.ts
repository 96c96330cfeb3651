// The line of a file that a finding shows, with what is secret in it masked; columns stay where they are.
import { looksSecret, withoutCredentials } from './mask.ts'
import type { Span } from './position.ts'

/** Longer lines are not shown. */
const maxLine = 2000

/** A value that is nothing but a variable: its name is no secret. */
const variable = /^(["'])\$\{[A-Z_][A-Z0-9_]{0,99}\}\1$/

/** A line of a file that was parsed. */
export function excerpt(line: string, number: number, secrets: readonly Span[]): string | undefined {
  if (line.length > maxLine) return undefined
  let shown = line
  for (const secret of secrets) {
    if (secret.line > number || secret.endLine < number) continue
    const from = secret.line === number ? secret.column - 1 : 0
    const to = secret.endLine === number ? secret.endColumn - 1 : line.length
    const part = shown.slice(from, to)
    if (variable.test(part)) continue
    shown = shown.slice(0, from) + stars(part) + shown.slice(to)
  }
  return withoutCredentials(shown)
}

/**
 * A line of a file that could not be parsed: nobody knows what is a key, a value, or the middle of a string. Shown is
 * what cannot be part of a secret by the looks of it and of the lines before.
 */
export function brokenExcerpt(lines: readonly string[], number: number): string | undefined {
  const line = lines[number - 1]
  if (line === undefined || line.length > maxLine) return undefined
  const before = lines.slice(0, number - 1)
  // Inside a string of several lines anything may look like a key.
  if (before.reduce((count, text) => count + (text.match(/"""|'''/g)?.length ?? 0), 0) % 2 === 1) return stars(line)
  if (/^\s*\[{1,2}[\w\s.-]*\]{0,2}\s*$/.test(line)) return line
  const pair = /^(\s*[\w.-]+\s*=)(.*)$/.exec(line)
  if (!pair) return stars(line)
  const [, key = '', value = ''] = pair
  const inside = before.findLast((text) => /^\s*[\w.-]+\s*=/.test(text)) ?? ''
  const continues = looksSecret(keyOf(inside)) && /=\s*[[{]/.test(inside) && !/[\]}]\s*(?:#.*)?$/.test(inside)
  if (continues || secretSomewhere(line)) return key + stars(value)
  return withoutCredentials(line.replace(/#.*$/, stars))
}

function keyOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf('='))).trim()
}

function secretSomewhere(line: string): boolean {
  return (line.match(/[\w-]+/g) ?? []).some(looksSecret)
}

/** As long as before, without what says something. */
function stars(text: string): string {
  return text.replace(/[^\s[\]{},="'#]/g, '*')
}
