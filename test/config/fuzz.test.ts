// Whatever the files say, reading them ends with findings that point into the files.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { schemas, singles } from '../../core/config/schema/index.ts'
import { shapeOf } from '../../core/config/schema/shape.ts'
import type { Shape } from '../../core/config/schema/shape.ts'
import { findings as pages } from '../../core/finding/table.ts'
import { suite } from '../support/suite.ts'
import { readFolder, write } from './project.ts'

const test = suite('fuzzed configurations')
const folder = write({ 'config.toml': '', 'pipelines/a.toml': '' })

/** Reads a main file and a pipeline file; fails when a finding is not as findings are. */
async function survives(main: string | Uint8Array, pipeline: string | Uint8Array = ''): Promise<boolean> {
  writeFileSync(join(folder, 'config.toml'), main)
  writeFileSync(join(folder, 'pipelines/a.toml'), pipeline)
  const { findings, raw } = await readFolder(folder, { SET: '1', EMPTY: '' })
  const texts: Record<string, string> = { 'config.toml': text(main), 'pipelines/a.toml': text(pipeline) }
  for (const { file, line, column, endLine, endColumn, code, message, path } of findings) {
    assert.ok(Object.hasOwn(pages, code), code)
    assert.ok(message.length < 1000, 'messages are bounded')
    assert.not.match(message, /undefined|\[object|NaN:/, `${message} at ${path}`)
    if (line === 0) {
      assert.ok(code.startsWith('file/'), `${code} has no place`)
      continue
    }
    const lines = (texts[file] ?? '').split(/\r?\n/)
    const inside = (at: number, column: number): boolean =>
      at >= 1 && at <= lines.length && column >= 1 && column <= (lines[at - 1]?.length ?? 0) + 1
    assert.ok(inside(line, column), `${code} starts at ${line}:${column} of\n${texts[file]}`)
    assert.ok(inside(endLine, endColumn), `${code} ends at ${endLine}:${endColumn} of\n${texts[file]}`)
    assert.ok(endLine > line || (endLine === line && endColumn >= column), `${code} ends before it starts`)
  }
  return raw !== undefined
}

function text(content: string | Uint8Array): string {
  return typeof content === 'string' ? content.replace(/^\ufeff/, '') : new TextDecoder().decode(content)
}

test('bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => void (await survives(bytes))),
    {
      numRuns: 300,
    },
  )
})

test('characters of TOML', async () => {
  const unit = fc.constantFrom(...'[]{}=."\'#,\\\n\r \tab1-_:TZ$+é\u0000\ufeff'.split(''))
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, maxLength: 120 }), async (main) => void (await survives(main, main))),
    { numRuns: 1000 },
  )
})

const odd = fc.oneof(
  fc.constantFrom('1', '-1', '0', '1.5', 'inf', 'nan', 'true', '""', '"x"', '"${SET}"', '"${UNSET}"', '"${EMPTY}"'),
  fc.constantFrom('"${SET"', '[]', '[[]]', '{}', '{ a = 1 }', '[{}]', '1979-05-27', '07:32:00', '"http3"', '"\\u0000"'),
  fc.integer().map(String),
  fc.string({ maxLength: 10 }).map((value) => JSON.stringify(value)),
)

/** A value as the schema has it, or, now and then, anything. */
function valueOf(shape: Shape): fc.Arbitrary<string> {
  const right = rightOf(shape)
  return fc.oneof({ arbitrary: right, weight: 8 }, { arbitrary: odd, weight: 1 })
}

function rightOf(shape: Shape): fc.Arbitrary<string> {
  if (shape.kind === 'string') return fc.constantFrom('"a"', '"x-1"', '"${SET}"', '"http://h:1/p"', '"09:00"')
  if (shape.kind === 'boolean') return fc.constantFrom('true', 'false')
  if (shape.kind === 'integer') return fc.integer({ min: shape.min, max: Math.min(shape.max, 1e9) }).map(String)
  if (shape.kind === 'choice') return fc.constantFrom(...shape.options.map((option) => JSON.stringify(option)))
  if (shape.kind === 'list')
    return fc.array(valueOf(shape.item), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`)
  if (shape.kind === 'either') return fc.oneof(...shape.options.map(valueOf))
  if (shape.kind === 'named')
    return fc
      .dictionary(fc.constantFrom('a', 'b', 'c-d', '"E.f"', '"x-api-key"'), valueOf(shape.item), { maxKeys: 2 })
      .map(inline)
  if (shape.kind === 'variant')
    return fc
      .constantFrom(...shape.options)
      .chain(([name, option]) =>
        tableOf(option).map((table) => inline({ ...table, [shape.key]: JSON.stringify(name) })),
      )
  return shape.kind === 'table' ? tableOf(shape).map(inline) : odd
}

function tableOf(shape: Extract<Shape, { kind: 'table' }>): fc.Arbitrary<Record<string, string>> {
  const fields = [...shape.fields].map(([key, field]) => [key, field.required, field.shape] as const)
  const others = fields.filter(([, required]) => !required)
  const some = fc.subarray(others, { maxLength: Math.min(4, others.length) })
  const misspelt = fc.constantFrom(...[...shape.fields.keys()].map((key) => `${key}x`), 'http', 'type', 'url')
  return fc.tuple(some, fc.option(misspelt), fc.integer({ min: 0, max: 9 })).chain(([optional, extra, drop]) => {
    const all = [...fields.filter(([, required]) => required && drop > 0), ...optional]
    const made = fc.tuple(...all.map(([key, , shape]) => valueOf(shape).map((value) => [key, value] as const)))
    return made.map((pairs) => Object.fromEntries(extra === null ? pairs : pairs.concat([[extra, '1']])))
  })
}

function inline(table: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(table)
    .map(([key, value]) => `${key} = ${value}`)
    .join(', ')} }`
}

const sections = Object.entries(schemas).map(([name, schema]) => [name, shapeOf(schema)] as const)

const tables = fc
  .constantFrom(...sections)
  .chain(([section, shape]) =>
    fc
      .tuple(fc.constantFrom('a', 'b', 'c', 'D', '"x.y"'), rightOf(shape), fc.boolean())
      .map(([name, table, under]) => (under ? `${section}.${name} = ${table}` : `${section} = ${table}`)),
  )

const config = fc.array(tables, { maxLength: 8 }).map((lines) => lines.join('\n'))

test('tables of the schema, right and wrong', async () => {
  let parsed = 0
  await fc.assert(
    fc.asyncProperty(config, config, async (main, pipeline) => {
      if (await survives(main, pipeline)) parsed += 1
    }),
    { numRuns: 1000 },
  )
  assert.ok(parsed > 300, `only ${parsed} were TOML`)
})

test('each table with each of its keys wrong in each way', async () => {
  const values = ['5', '"x"', '[5]', '[{}]', '{ a = 5 }', '1979-05-27', '"${UNSET}"']
  for (const [section, shape] of sections) {
    const tables = shape.kind === 'variant' ? [...shape.options.values()] : [shape]
    const lines = tables.flatMap((table) => (table.kind === 'table' ? Array.from(table.fields.keys()) : []))
    const header = singles.some((single) => single === section) ? section : `${section}.a`
    for (const key of new Set([...lines, 'options.a', 'mesh.ingress', 'mesh.ingress.a', 'connection.port']))
      for (const value of values) await survives(`[${header}]\ntype = "path"\nmethod = "jwt"\n${key} = ${value}\n`)
  }
})

test.run()
