// Stand-in until parse.ts of t-d.
import type { Reference, ResourceType } from './reference.ts'

const types = new Set(['ingress', 'egress', 'pipeline', 'endpoint', 'backend', 'mesh'])

export function parseReference(text: string): Reference | { problem: string } {
  const parts = text.split('.')
  const [a = '', b = '', c = '', d = '', e = ''] = parts
  if (parts.some((part) => part === '')) return { problem: 'has an empty part' }
  if (parts.length === 1) return { kind: 'local', text, name: a }
  if (parts.length === 3 && a === 'local' && b === 'name') return { kind: 'local', text, name: c }
  if (parts.length === 3 && b === 'id' && a !== 'local')
    return { kind: 'id', text, provider: a, team: undefined, id: c }
  if (parts.length === 4 && c === 'id') return { kind: 'id', text, provider: a, team: b, id: d }
  if (parts.length === 5 && types.has(c) && (d === 'name' || d === 'id'))
    return { kind: 'typed', text, provider: a, team: b, type: c as ResourceType, by: d, value: e }
  return { problem: 'is no reference' }
}
