// Environment variables in values (spec 1.5): ${NAME}, ${NAME:-default}, and $${ for a ${ that is meant as it stands.

export type Env = Readonly<Record<string, string | undefined>>

export type Expanded = {
  readonly value: string
  /** Variables without a value and without a default. */
  readonly unset: readonly string[]
  /** Whether a `${` starts nothing. */
  readonly malformed: boolean
}

/** What a string means; undefined when nothing in it is to be replaced. */
export function expand(text: string, env: Env): Expanded | undefined {
  if (!text.includes('${')) return undefined
  const unset: string[] = []
  let malformed = false
  const value = text.replace(form, (whole, name: string | undefined, otherwise: string | undefined) => {
    if (whole === '$${') return '${'
    if (name === undefined) {
      malformed = true
      return whole
    }
    const found = variable(env, name)
    // As in a shell: the default stands in for an empty value too.
    if (otherwise !== undefined) return found === undefined || found === '' ? otherwise : found
    if (found === undefined) unset.push(name)
    return found ?? whole
  })
  return { value, unset, malformed }
}

/** The value of a variable; names of a prototype's properties are not variables. */
export function variable(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined
}

const form = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g
