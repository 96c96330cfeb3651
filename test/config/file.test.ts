// Whatever a file is, reading it ends, and what is wrong with it is a finding.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { listFolder, readText } from '../../core/config/file.ts'
import { suite } from '../support/suite.ts'
import { read, readFolder, readWell, write } from './project.ts'

const test = suite('configuration files')
const root = process.getuid?.() === 0

/** What is found when the main file has this content. */
async function found(content: string | Uint8Array): Promise<readonly string[]> {
  const { raw, lines, findings } = await readFolder(write({ 'config.toml': content }))
  const refused = lines.some((line) => /^(?:file|toml)\//.test(line))
  assert.is(raw === undefined, refused, 'without its text there is no configuration')
  for (const { message, help = '' } of findings) assert.not.match(message + help, / at .*\.[jt]s/, 'no stack trace')
  return lines
}

test('an empty file has no [proxy], and that is said', async () => {
  assert.equal(await found(''), ['table/missing: there is no [proxy] table: it is required'])
  assert.equal(await found('\n\n# nothing\n'), ['table/missing: there is no [proxy] table: it is required'])
})

test('a binary file is not text', async () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, index) => (index * 37) % 256)
  assert.equal(await found(bytes), ['file/encoding: config.toml is not UTF-8 text'])
})

test('text of zeros is not TOML', async () => {
  assert.equal(await found(new Uint8Array(100)), ['toml/syntax: a key has a character that needs quotes'])
})

test('other encodings are named or refused', async () => {
  const text = '[proxy]\nid = "gäteway"\n'
  assert.equal(await found(Buffer.from(`\ufeff${text}`, 'utf16le')), [
    'file/encoding: config.toml is UTF-16, not UTF-8',
  ])
  assert.equal(await found(Buffer.from(text, 'latin1')), ['file/encoding: config.toml is not UTF-8 text'])
})

test('a byte order mark and CRLF are accepted, and positions are what an editor shows', async () => {
  const { raw, findings } = await read({ 'config.toml': '\ufeff[proxy]\r\nid = "a"\r\nnam = "b"\r\n' })
  assert.is(raw?.proxy?.value.id, 'a')
  const [finding] = findings
  assert.equal([finding?.code, finding?.line, finding?.column, finding?.endColumn], ['key/unknown', 3, 1, 4])
  assert.is(finding?.excerpt, 'nam = "b"')
})

test('8 MiB are read, a byte more is not', async () => {
  const folder = write({ 'config.toml': '[proxy]\nid = "a"\n#' })
  truncateSync(join(folder, 'config.toml'), 8 * 1024 * 1024 + 1)
  assert.equal((await readFolder(folder)).lines, ['file/too-large: config.toml is larger than 8 MiB'])
  const lead = '[proxy]\nid = "a"\n#'
  const full = lead + 'x'.repeat(8 * 1024 * 1024 - lead.length)
  assert.equal(await found(full), [])
  assert.equal(await found(`${full}x`), ['file/too-large: config.toml is larger than 8 MiB'])
})

test('5,000 levels are too deep, in every way of nesting', async () => {
  const tooDeep = ['toml/depth: tables and lists are nested more than 64 deep']
  assert.equal(await found(`a = ${'['.repeat(5000)}${']'.repeat(5000)}`), tooDeep)
  assert.equal(await found(`a = ${'{a = '.repeat(5000)}1${'}'.repeat(5000)}`), tooDeep)
  assert.equal(await found(`${'a.'.repeat(5000)}a = 1`), tooDeep)
  assert.equal(await found(`[${'a.'.repeat(5000)}a]`), tooDeep)
})

test('what TOML allows to nest deep is read when it is not', async () => {
  const deep = `[proxy]\nid = "a"\n[x]\ny = ${'['.repeat(50)}${']'.repeat(50)}`
  assert.equal(await found(deep), ['table/unknown: "x" is not a table of the configuration'])
})

test('keys that would change objects are refused', async () => {
  for (const key of ['__proto__', 'constructor', '"__proto__"'])
    for (const text of [`${key} = 1`, `[${key}]`, `[network.${key}]`, `[proxy]\nid = { ${key} = 1 }`])
      assert.equal(await found(text), ['toml/unsafe-key: a key is "__proto__" or "constructor"'], text)
})

test('a file that is not there is missing, whatever it is called', async () => {
  const folder = write({})
  assert.equal((await readFolder(folder)).lines, ['file/missing: config.toml does not exist'])
  const odd = await readFolder(folder, {}, 'a\0b')
  assert.equal(odd.lines, ['file/unreadable: a\0b is not a path'])
  const long = await readFolder(folder, {}, 'x'.repeat(5000))
  assert.match(long.lines.join(), /^file\/unreadable: .* has too long a path$/)
})

test('a folder, a pipe and a device are not read', async () => {
  const folder = write({})
  mkdirSync(join(folder, 'config.toml'))
  assert.equal((await readFolder(folder)).lines, ['file/not-regular: config.toml is a folder'])
  execFileSync('mkfifo', [join(folder, 'pipe.toml')])
  assert.equal((await readFolder(folder, {}, 'pipe.toml')).lines, ['file/not-regular: pipe.toml is not a regular file'])
  symlinkSync('/dev/zero', join(folder, 'zero.toml'))
  assert.equal((await readFolder(folder, {}, 'zero.toml')).lines, ['file/not-regular: zero.toml is not a regular file'])
})

test('a link is followed, a loop of links is not', async () => {
  const folder = write({ 'real.toml': '[proxy]\nid = "a"\n' })
  symlinkSync('real.toml', join(folder, 'config.toml'))
  assert.equal((await readFolder(folder)).lines, [])
  symlinkSync('b.toml', join(folder, 'a.toml'))
  symlinkSync('a.toml', join(folder, 'b.toml'))
  assert.equal((await readFolder(folder, {}, 'a.toml')).lines, ['file/unreadable: a.toml is a loop of symbolic links'])
})

test(
  'a file that this user may not read is unreadable',
  async () => {
    const folder = write({ 'config.toml': '[proxy]\nid = "a"\n' })
    chmodSync(join(folder, 'config.toml'), 0)
    assert.equal((await readFolder(folder)).lines, ['file/unreadable: config.toml may not be read by this user'])
  },
  { skip: root ? 'root may read every file' : undefined },
)

test('what is wrong with one file of a folder is said, and the others are read', async () => {
  const { raw, lines } = await read({
    'config.toml': '[proxy]\nid = "a"\n',
    'pipelines/a.toml': '[endpoints.a]\nservice = "echo"\n',
    'pipelines/b.toml': 'endpoints = \n',
    'pipelines/c.toml': Buffer.from([0xc3, 0x28]),
    'pipelines/d.toml': '[endpoints.d]\nservice = "echo"\n',
  })
  assert.equal(
    raw?.all('endpoints').map(({ name }) => name),
    ['a', 'd'],
  )
  assert.is(raw?.complete, false)
  assert.equal(lines, ['toml/syntax: a value is not valid', 'file/encoding: pipelines/c.toml is not UTF-8 text'])
})

test('a file that is gone by the time it is read is missing', async () => {
  const folder = write({ 'config.toml': '[proxy]\nid = "a"\n', 'pipelines/a.toml': '' })
  const listed = await listFolder(join(folder, 'pipelines'))
  rmSync(join(folder, 'pipelines/a.toml'))
  const [path = ''] = (listed.problem ? undefined : listed.value) ?? []
  assert.equal((await readText(path)).problem, { code: 'file/missing', what: 'does not exist' })
  // As an editor leaves it that replaces a file: the name is listed, and leads nowhere.
  symlinkSync('gone.toml', join(folder, 'pipelines/a.toml'))
  const { lines, raw } = await readFolder(folder)
  assert.equal(lines, ['file/missing: pipelines/a.toml does not exist'])
  assert.is(raw?.complete, false)
})

test('folders are read in a fixed order, each file once, and only what is a configuration file', async () => {
  const folder = write({
    'config.toml': '[proxy]\nid = "a"\nmesh_path = "pipelines"\n',
    'pipelines/10.toml': '',
    'pipelines/9.toml': '',
    'pipelines/B.toml': '',
    'pipelines/a.toml': '[mesh.m]\ntype = "http"\nprovider = "local"\n[endpoints.a]\nservice = "echo"\n',
    'pipelines/a.toml~': 'not read',
    'pipelines/.#a.toml': 'not read',
    'pipelines/below/c.toml': 'not read',
    'transforms/t.toml': '',
    'transforms/t.json': 'not read',
  })
  const { raw, lines } = await readFolder(folder)
  assert.equal(lines, [])
  assert.equal(raw?.files, [
    'config.toml',
    'pipelines/10.toml',
    'pipelines/9.toml',
    'pipelines/B.toml',
    'pipelines/a.toml',
    'transforms/t.toml',
  ])
  assert.equal(raw?.folders, [join(folder, 'pipelines'), join(folder, 'transforms')])
  assert.is(raw?.all('mesh').length, 1)
})

test('the main file is read once, though it is in a folder that is read', async () => {
  const raw = await readWell({ 'config.toml': '[proxy]\nid = "a"\npipelines_path = "."\n', 'b.toml': '' })
  assert.equal(raw.files, ['config.toml', 'b.toml'])
})

test('folders may be elsewhere; those that are named must be there', async () => {
  const other = write({ 'x.toml': '[endpoints.x]\nservice = "echo"\n' })
  const raw = await readWell({ 'config.toml': `[proxy]\nid = "a"\npipelines_path = ${JSON.stringify(other)}\n` })
  assert.equal(
    raw.all('endpoints').map(({ name }) => name),
    ['x'],
  )
  const { lines } = await read('[proxy]\nid = "a"\npipelines_path = "pipelnes"\n')
  assert.equal(lines, ['file/no-folder: pipelnes does not exist'])
})

test('a folder that is a file is said to be', async () => {
  const { lines } = await read({ 'config.toml': '[proxy]\nid = "a"\n', pipelines: '' })
  assert.equal(lines, ['file/unreadable: pipelines is below something that is not a folder'])
})

test.run()
