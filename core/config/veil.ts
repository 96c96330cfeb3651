// What variables stand for, kept out of what is said of a configuration: a finding shows `${NAME}` as it is written in
// the file. Whoever may write a file, or send one to where it is checked, must not read the environment by it.

/** What was put in place of a variable, by how the variable is written: text to `${NAME}`. */
export type Substituted = ReadonlyMap<string, string>

/** Shorter ones are words and numbers that stand everywhere, and no secrets. */
const minLength = 8
/** Fewer characters of one that was cut say nothing. */
const minCut = 3

/** Writes variables in place of what they stand for, also where that is cut short (`...`) or escaped. */
export function veil(substituted: Substituted): (text: string) => string {
  const known = [...substituted].flatMap(([value, written]) => {
    // some values are used without what is around them
    const core = value.replace(/^[\s/]+|[\s/]+$/g, '')
    const forms = new Set([value, core].flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]))
    return [...forms].filter(({ length }) => length >= minLength).map((form) => ({ form: form.toLowerCase(), written }))
  })
  known.sort((one, other) => other.form.length - one.form.length)
  return (text) => known.reduce((veiled, { form, written }) => replaced(veiled, form, written), text)
}

function replaced(text: string, form: string, written: string): string {
  return cutOff(whole(text, form, written), form, written)
}

/** Where so little of it was left that it does not begin as `whole` looks for it. */
function cutOff(text: string, form: string, written: string): string {
  let left = text
  for (let length = minLength - 1; length >= minCut; length--) {
    const at = left.toLowerCase().indexOf(`${form.slice(0, length)}...`)
    if (at !== -1 && left.length === left.toLowerCase().length)
      left = left.slice(0, at) + written + left.slice(at + length)
  }
  return left
}

function whole(text: string, form: string, written: string): string {
  const lower = text.toLowerCase()
  // letters whose other case is longer: the places in both would differ
  if (lower.length !== text.length) return lower.includes(form.slice(0, minLength)) ? written : text
  const start = form.slice(0, minLength)
  let out = ''
  let done = 0
  for (let at = lower.indexOf(start); at !== -1; at = lower.indexOf(start, at)) {
    let length = start.length
    while (length < form.length && lower[at + length] === form[length]) length++
    if (length < form.length && !lower.startsWith('...', at + length)) {
      at += 1
      continue
    }
    out += text.slice(done, at) + written
    at += length
    done = at
  }
  return out + text.slice(done)
}
