// Words of messages: what somebody wrote, in quotes and bounded; lists; numbers of things.

/** Text that came from elsewhere, bounded for a message. */
export function shorten(text: string, max = 80): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`
}

/** The same in double quotes, with escapes for what does not print. */
export function quoted(text: string, max?: number): string {
  return JSON.stringify(shorten(text, max))
}

/** `a, b or c`. */
export function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`
}

/** `1 error`, `2 errors`. */
export function amount(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
