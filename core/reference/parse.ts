// Reads and writes references (spec 8.1). Text that fits no form gives a sentence, never an exception.
import { listed, quoted } from '../finding/words.ts'
import type { Reference, ResourceType } from './reference.ts'

/** Longer text is refused before anything looks at it; in UTF-16 code units. */
export const maxLength = 1024

export const resourceTypes: readonly ResourceType[] = ['ingress', 'egress', 'pipeline', 'endpoint', 'backend', 'mesh']

const forms = 'NAME, local.name.NAME, PROVIDER.id.ID, PROVIDER.TEAM.id.ID or PROVIDER.TEAM.TYPE.name.NAME'
const types: ReadonlyMap<string, ResourceType> = new Map(resourceTypes.map((type) => [type, type]))

/**
 * Reads a reference. A problem continues a sentence whose subject is the text: `has 2 parts: must be …`.
 *
 * A name that holds dots cannot be referred to (C08): who accepts such names looks for them before parsing.
 */
export function parseReference(text: string): Reference | { readonly problem: string } {
  const problem = textProblem(text)
  if (problem !== undefined) return { problem }
  const parts = text.split('.')
  const empty = parts.indexOf('')
  if (empty >= 0) return { problem: `has nothing in part ${empty + 1} of ${parts.length}` }
  const padded = parts.find((part) => part !== part.trim())
  if (padded !== undefined) return { problem: `has white space around ${quoted(padded.trim())}` }
  // as many as there are, never more than the form needs
  const [a = '', b = '', c = '', d = '', e = ''] = parts
  switch (parts.length) {
    case 1:
      return { text, kind: 'local', name: a }
    case 3:
      return a === 'local' ? localOf(text, b, c) : byId(text, a, b, c)
    case 4:
      return withoutType(text, a, b, c, d)
    case 5:
      return typed(text, a, b, c, d, e)
    default:
      return { problem: `has ${parts.length} parts: must be ${forms}` }
  }
}

/** Writes a reference in its shortest form; `parseReference` reads the same from it. */
export function formatReference(reference: Reference): string {
  if (reference.kind === 'local') return reference.name
  const { provider, team } = reference
  if (reference.kind === 'typed') return `${provider}.${team}.${reference.type}.${reference.by}.${reference.value}`
  return team === undefined ? `${provider}.id.${reference.id}` : `${provider}.${team}.id.${reference.id}`
}

type Parsed = ReturnType<typeof parseReference>

function localOf(text: string, keyword: string, name: string): Parsed {
  if (keyword === 'name') return { text, kind: 'local', name }
  if (keyword === 'id')
    return { problem: 'asks for a local resource by id: local resources have names, as in local.name.NAME' }
  return { problem: `has ${quoted(keyword)} where "name" belongs: must be local.name.${name}` }
}

function byId(text: string, provider: string, keyword: string, value: string): Parsed {
  if (keyword === 'id') return { text, kind: 'id', provider, team: undefined, id: value }
  if (keyword === 'name')
    return { problem: `gives a name without team and type: must be ${provider}.TEAM.TYPE.name.${value}` }
  return { problem: `has ${quoted(keyword)} where "id" belongs: must be ${provider}.id.ID or one of the longer forms` }
}

function withoutType(text: string, provider: string, team: string, keyword: string, id: string): Parsed {
  if (provider === 'local')
    return { problem: 'names a team of provider local, which has none: must be local.name.NAME' }
  if (keyword === 'id') return { text, kind: 'id', provider, team, id }
  if (keyword === 'name') return { problem: `gives a name without a type: must be ${provider}.${team}.TYPE.name.${id}` }
  return { problem: `has ${quoted(keyword)} where "id" belongs: must be ${provider}.${team}.id.ID` }
}

function typed(text: string, provider: string, team: string, word: string, by: string, value: string): Parsed {
  if (provider === 'local')
    return { problem: 'names a team of provider local, which has none: must be local.name.NAME' }
  const type = types.get(word.toLowerCase())
  if (type === undefined) return { problem: `has type ${quoted(word)}: must be ${listed(resourceTypes)}` }
  if (by !== 'name' && by !== 'id') return { problem: `has ${quoted(by)} where "name" or "id" belongs` }
  return { text, kind: 'typed', provider, team, type, by, value }
}

function textProblem(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (text.length > maxLength) return `has ${text.length} characters: at most ${maxLength}`
  // it goes into a URL and into the log
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) return 'has control characters or broken text in it'
  return undefined
}
