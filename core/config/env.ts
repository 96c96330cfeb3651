// Environment variables in values (spec 1.5): ${NAME}, ${NAME:-default}, and $${ for a ${ that is meant as it stands.

export type Env = Readonly<Record<string, string | undefined>>

export type Expanded = {
  readonly value: string
  /** What was put in, and the variable that it stands in for. */
  readonly parts: readonly { readonly name: string; readonly value: string }[]
  /** Variables without a value and without a default. */
  readonly unset: readonly string[]
  /** Whether a `${` starts nothing. */
  readonly malformed: boolean
}

/** What a string means; undefined when nothing in it is to be replaced. */
export function expand(text: string, env: Env): Expanded | undefined {
  if (!text.includes('${')) return undefined
  // Nothing behind the last brace is closed: without this, each start would be sought to the end of the text.
  const last = text.lastIndexOf('}')
  const unset: string[] = []
  const parts: { name: string; value: string }[] = []
  let malformed = false
  let value = ''
  let done = 0
  for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', done)) {
    const escaped = at > done && text[at - 1] === '$'
    const found = escaped ? undefined : reference(text, at, last)
    value += text.slice(done, escaped ? at - 1 : at)
    done = found?.end ?? at + 2
    if (found === undefined) {
      value += '${'
      malformed ||= !escaped
      continue
    }
    const given = variable(env, found.name)
    // As in a shell: the default stands in for an empty value too.
    const meant = given === undefined || given === '' ? (found.otherwise ?? given) : given
    if (meant === undefined) unset.push(found.name)
    else {
      value += meant
      parts.push({ name: found.name, value: meant })
    }
  }
  return { value: value + text.slice(done), parts, unset, malformed }
}

type Reference = { readonly name: string; readonly otherwise: string | undefined; readonly end: number }

const start = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-)|\})/y

/** The variable that starts here; undefined when none does. */
function reference(text: string, at: number, last: number): Reference | undefined {
  start.lastIndex = at
  const [whole, name = '', byDefault] = start.exec(text) ?? []
  if (whole === undefined) return undefined
  const from = at + whole.length
  if (byDefault === undefined) return { name, otherwise: undefined, end: from }
  if (from > last) return undefined
  const end = text.indexOf('}', from)
  return { name, otherwise: text.slice(from, end), end: end + 1 }
}

/** The value of a variable; names of a prototype's properties are not variables. */
export function variable(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined
}
