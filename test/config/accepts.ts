// As much of a JSON Schema validator as the schema of the configuration needs; an unknown keyword is an error.

type Node = Readonly<Record<string, unknown>>

export function accepts(schema: unknown, value: unknown): boolean {
  const root = node(schema)
  const check = (at: unknown, value: unknown): boolean => {
    const rules = node(at)
    return Object.entries(rules).every(([keyword, rule]) => {
      const keyed = checks[keyword]
      if (!keyed) throw new Error(`the keyword ${keyword} is not known here`)
      return keyed({ rule, rules, value, check, root })
    })
  }
  return check(root, value)
}

type Input = {
  readonly rule: unknown
  readonly rules: Node
  readonly value: unknown
  readonly root: Node
  check(at: unknown, value: unknown): boolean
}

const always = (): boolean => true

const checks: Readonly<Record<string, (input: Input) => boolean>> = {
  $schema: always,
  definitions: always,
  title: always,
  description: always,
  default: always,
  deprecated: always,
  $ref: ({ rule, root, value, check }) =>
    check(node(root['definitions'])[String(rule).replace('#/definitions/', '')], value),
  type: ({ rule, value }) => kindsOf(value).includes(String(rule)),
  const: ({ rule, value }) => value === rule,
  enum: ({ rule, value }) => list(rule).includes(value),
  anyOf: ({ rule, value, check }) => list(rule).some((each) => check(each, value)),
  oneOf: ({ rule, value, check }) => list(rule).filter((each) => check(each, value)).length === 1,
  minimum: ({ rule, value }) => typeof value !== 'number' || value >= Number(rule),
  maximum: ({ rule, value }) => typeof value !== 'number' || value <= Number(rule),
  minLength: ({ rule, value }) => typeof value !== 'string' || value.length >= Number(rule),
  pattern: ({ rule, value }) => typeof value !== 'string' || new RegExp(String(rule)).test(value),
  minItems: ({ rule, value }) => !Array.isArray(value) || value.length >= Number(rule),
  items: ({ rule, value, check }) => !Array.isArray(value) || value.every((each) => check(rule, each)),
  required: ({ rule, value }) => !isNode(value) || list(rule).every((key) => String(key) in value),
  properties: ({ rule, value, check }) =>
    !isNode(value) ||
    Object.entries(value).every(([key, each]) => !(key in node(rule)) || check(node(rule)[key], each)),
  patternProperties: ({ rule, value, check }) =>
    !isNode(value) ||
    Object.entries(value).every(([key, each]) =>
      Object.entries(node(rule)).every(([pattern, below]) => !new RegExp(pattern).test(key) || check(below, each)),
    ),
  additionalProperties: ({ rule, rules, value, check }) =>
    !isNode(value) ||
    Object.entries(value).every(([key, each]) => {
      const known = key in node(rules['properties'] ?? {})
      const matched = Object.keys(node(rules['patternProperties'] ?? {})).some((form) => new RegExp(form).test(key))
      return known || matched || rule === true || (rule !== false && check(rule, each))
    }),
}

function kindsOf(value: unknown): string[] {
  if (Array.isArray(value)) return ['array']
  if (typeof value === 'number') return Number.isInteger(value) ? ['number', 'integer'] : ['number']
  return [typeof value]
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function node(value: unknown): Node {
  if (!isNode(value)) throw new Error('an object is expected in the schema')
  return value
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('a list is expected in the schema')
  return value
}
