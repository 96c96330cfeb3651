// The command line itself: help, version, wrong usage, streams, colours.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { temporary } from '../peers/process.ts'
import { within } from '../support/deadline.ts'
import { harmony, project } from '../support/serve.ts'
import type { Finished } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('the command line')

const root = join(import.meta.dirname, '../..')
const commands = ['serve', 'check', 'resolve', 'token', 'explain', 'schema']

const stackTrace = /^\s+at |node:internal|\.ts:\d+:\d+\)/m

const errorOf = (finished: Finished): { code: string; message: string; help: string | null } =>
  JSON.parse(finished.stdout).error

for (const args of [[], ['help'], ['--help'], ['-h']])
  test(`harmony ${args.join(' ')} lists the commands`, async () => {
    const { code, stdout, stderr } = await harmony(args)
    assert.is(code, 0)
    assert.is(stderr, '')
    for (const command of commands) assert.match(stdout, new RegExp(`^ +${command} {2,}\\S`, 'm'))
  })

for (const flag of ['--version', '-v'])
  test(`harmony ${flag} prints the version`, async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const { code, stdout, stderr } = await harmony([flag])
    assert.equal({ code, stdout, stderr }, { code: 0, stdout: `harmony ${version}\n`, stderr: '' })
  })

for (const command of commands)
  test(`harmony ${command} --help has usage, flags with defaults, two examples and exit codes`, async () => {
    const { code, stdout, stderr } = await harmony([command, '--help'])
    assert.is(code, 0)
    assert.is(stderr, '')
    assert.match(stdout, `harmony ${command}`)
    for (const title of ['usage', 'flags', 'examples', 'exit codes'])
      assert.match(stdout, new RegExp(`^${title}$`, 'm'))
    const examples = stdout.slice(stdout.indexOf('\nexamples\n'), stdout.indexOf('\nexit codes\n'))
    assert.is(examples.match(/^ {2}# /gm)?.length, 2)
    if (command !== 'schema') assert.match(stdout, /-c, --config FILE.*default: .*HARMONY_CONFIG/)
    assert.match(stdout, /^ {2}0 {2}/m)
    assert.match(stdout, /^ {2}2 {2}/m)
    assert.equal(await harmony(['help', command]), { code, stdout, stderr })
    assert.equal(await harmony([command, '-h']), { code, stdout, stderr })
  })

const wrong: readonly (readonly [words: string[], code: string, says: RegExp, help: RegExp])[] = [
  [['chek'], 'usage/unknown-command', /unknown command "chek"/, /did you mean "check"\?/],
  [['start'], 'usage/unknown-command', /unknown command "start"/, /./],
  [['quickstart'], 'usage/unsupported-command', /not part of this version/, /^$/],
  [['help', 'servee'], 'usage/unknown-command', /servee/, /did you mean "serve"\?/],
  [['help', 'serve', 'more'], 'usage/arguments', /more/, /^$/],
  [['--strict'], 'usage/no-command', /no command/, /harmony help/],
  [['check', '--strct'], 'usage/unknown-flag', /check has no flag --strct/, /did you mean "--strict"\?/],
  [['check', '--mesh', 'x'], 'usage/unknown-flag', /--mesh/, /./],
  [['check', '-x'], 'usage/unknown-flag', /-x/, /./],
  [['check', '--no-strict'], 'usage/unknown-flag', /--no-strict/, /did you mean "--strict"\?/],
  [['check', '--constructor'], 'usage/unknown-flag', /--constructor/, /./],
  [['check', '--__proto__', 'x'], 'usage/unknown-flag', /--__proto__/, /./],
  [['check', '--config.x', 'y'], 'usage/unknown-flag', /--config\.x/, /did you mean "--config"\?/],
  [['check', '--strict=yes'], 'usage/flag-value', /--strict takes no value/, /^$/],
  [['check', '--config'], 'usage/flag-value', /--config needs a value/, /^$/],
  [['check', '-c', '--strict'], 'usage/flag-value', /--config needs a value/, /^$/],
  [['check', '-c', 'a', '--config=b'], 'usage/repeated-flag', /--config/, /^$/],
  [['check', 'a.toml', 'b.toml'], 'usage/arguments', /does not take "b\.toml"/, /check --help/],
  [['check', 'a.toml', '-c', 'b.toml'], 'usage/arguments', /not both/, /^$/],
  [['check', '--explain', 'x', 'a.toml'], 'usage/arguments', /takes no FILE/, /^$/],
  [['serve', 'a.toml'], 'usage/arguments', /serve does not take "a\.toml"/, /serve -c a\.toml/],
  [['resolve'], 'usage/arguments', /resolve needs REFERENCE/, /resolve --help/],
  [['explain', 'GET'], 'usage/arguments', /explain needs URL/, /explain --help/],
  [['explain', 'G ET', 'http://a/'], 'usage/arguments', /is no method/, /^$/],
  [['explain', 'GET', 'a/b'], 'usage/arguments', /is no http or https URL/, /^$/],
  [['explain', 'GET', 'http://a/', '-H', 'planted'], 'usage/flag-value', /must be "name: value"/, /^$/],
  [['token'], 'usage/missing-flag', /--mesh NAME/, /./],
  [['schema', 'x'], 'usage/arguments', /"x"/, /./],
  [['serve', '--grace', 'long'], 'usage/flag-value', /--grace is "long": must be 0 to 86400/, /^$/],
  [['serve', '--grace', '-1'], 'usage/flag-value', /must be 0 to 86400/, /^$/],
  [['serve', '--grace', '1e9'], 'usage/flag-value', /must be 0 to 86400/, /^$/],
  [['serve', '--log-format', 'xml'], 'usage/flag-value', /must be pretty or json/, /^$/],
  [['serve', '--log-level', 'loud'], 'usage/flag-value', /trace, debug, info, warn, error/, /^$/],
  [['serve', '--watch'], 'usage/unknown-flag', /--watch/, /did you mean "--no-watch"\?/],
]

for (const [words, code, says, help] of wrong)
  test(`harmony ${words.join(' ')}: exit 2, on stderr alone`, async () => {
    const finished = await harmony(words)
    assert.is(finished.code, 2, finished.stderr)
    assert.is(finished.stdout, '')
    assert.match(finished.stderr, `error[${code}]: `)
    assert.match(finished.stderr, says)
    assert.match(finished.stderr.split('= help: ')[1]?.trim() ?? '', help)
    assert.not.match(finished.stderr, stackTrace)
  })

test('a failure under --json is one document on stdout, wherever the flag stands', async () => {
  for (const words of [
    ['chek', '--json'],
    ['--json', 'chek'],
  ]) {
    const finished = await harmony(words)
    assert.is(finished.code, 2)
    assert.is(finished.stderr, '')
    assert.equal(errorOf(finished), {
      code: 'usage/unknown-command',
      message: 'unknown command "chek"',
      help: 'did you mean "check"?',
    })
  }
})

test('a value that is wrong is not repeated where it may be a secret', async () => {
  const { stderr } = await harmony(['explain', 'GET', 'http://a/', '-H', 'planted'])
  assert.not.match(stderr, 'planted')
})

test('control characters of the command line do not reach the terminal', async () => {
  const { stderr } = await harmony(['\u001b[2Jchek\u009b'])
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  assert.not.match(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
})

const lonely = project({})

test('without a configuration: exit 1, and the places that were looked at', async () => {
  for (const command of [
    ['check'],
    ['serve'],
    ['token', '--mesh', 'x'],
    ['resolve', 'x'],
    ['explain', 'GET', 'http://a/'],
  ]) {
    const env = { HARMONY_CONFIG: undefined }
    const finished = await harmony(command, { cwd: lonely.folder, env })
    assert.is(finished.code, 1)
    assert.is(finished.stdout, '')
    for (const part of ['HARMONY_CONFIG', './config.toml', './config/config.toml', '--config', 'harmony quickstart']) {
      assert.match(finished.stderr, part)
    }
    if (command[0] === 'serve') continue
    const json = await harmony([...command, '--json'], { cwd: lonely.folder, env })
    assert.is(errorOf(json).code, 'config/not-found')
  }
})

const minimal = '[proxy]\nid = "x"\nprimary_provider = "local"\n'

test('the configuration is --config, else HARMONY_CONFIG, else ./config.toml, else ./config/config.toml', async () => {
  const bad = (name: string): string => `${minimal}[${name}]\n`
  const files = project({
    'flag.toml': bad('from_flag'),
    'env.toml': bad('from_env'),
    'config.toml': bad('from_here'),
    'config/config.toml': bad('from_folder'),
  })
  const seen = async (args: string[], env?: string): Promise<string> => {
    const { stdout } = await harmony(['check', ...args], { cwd: files.folder, env: { HARMONY_CONFIG: env } })
    return /from_\w+/.exec(stdout)?.[0] ?? stdout
  }
  assert.is(await seen(['-c', 'flag.toml'], 'env.toml'), 'from_flag')
  assert.is(await seen(['--config=flag.toml']), 'from_flag')
  assert.is(await seen(['-cflag.toml']), 'from_flag')
  assert.is(await seen(['flag.toml'], 'env.toml'), 'from_flag')
  assert.is(await seen(['--', 'flag.toml'], 'env.toml'), 'from_flag')
  assert.is(await seen([], 'env.toml'), 'from_env')
  assert.is(await seen([], ''), 'from_here')
  files.remove('config.toml')
  assert.is(await seen([]), 'from_folder')
})

test('flags may stand before the command', async () => {
  const files = project({ 'a.toml': `${minimal}[odd]\n` })
  const { code, stdout } = await harmony(['-c', 'a.toml', 'check', '--strict'], { cwd: files.folder })
  assert.is(code, 1)
  assert.match(stdout, 'odd')
})

test('words that look like numbers, flags or nested values stay what they are', async () => {
  const files = project({ '007': `${minimal}[seven]\n`, '-x.toml': `${minimal}[dash]\n`, 'config.toml': minimal })
  const inside = { cwd: files.folder }
  assert.match((await harmony(['check', '-c', '007'], inside)).stdout, 'seven')
  assert.match((await harmony(['check', '--', '-x.toml'], inside)).stdout, 'dash')
  assert.match((await harmony(['check', '-c', '-x.toml'], inside)).stdout, 'dash')
  const mesh = await harmony(['token', '--mesh', '0x10', '--json'], inside)
  assert.match(errorOf(mesh).message, '"0x10"')
  const empty = await harmony(['token', '--mesh=', '--json'], inside)
  assert.match(errorOf(empty).message, '""')
})

test('no colours in a pipe; NO_COLOR and FORCE_COLOR are respected', async () => {
  const coloured = async (env: Record<string, string | undefined>): Promise<boolean[]> => {
    const all = { FORCE_COLOR: undefined, NO_COLOR: undefined, ...env }
    const [good, bad] = [await harmony(['help'], { env: all }), await harmony(['chek'], { env: all })]
    return [good.stdout.includes('\u001b['), bad.stderr.includes('\u001b[')]
  }
  assert.equal(await coloured({}), [false, false])
  assert.equal(await coloured({ FORCE_COLOR: '1' }), [true, true])
  assert.equal(await coloured({ NO_COLOR: '1' }), [false, false])
  assert.equal(await coloured({ FORCE_COLOR: '0' }), [false, false])
})

test(
  'colours on a terminal, and none there with NO_COLOR',
  async () => {
    const shown = async (env: Record<string, string | undefined>): Promise<string> => {
      const child = spawn('script', ['-qec', `${process.execPath} cli/main.ts help`, '/dev/null'], {
        cwd: root,
        // a terminal in CI has no colours of its own
        env: {
          ...process.env,
          CI: undefined,
          FORCE_COLOR: undefined,
          NO_COLOR: undefined,
          TERM: 'xterm-256color',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      await within(20_000, 'script', new Promise((resolve) => child.once('close', resolve)))
      return text
    }
    assert.match(await shown({}), '\u001b[')
    assert.not.match(await shown({ NO_COLOR: '1' }), '\u001b[')
  },
  { skip: existsSync('/usr/bin/script') ? undefined : 'script (util-linux) is not installed' },
)

test('a reader that leaves early is no error', async () => {
  // longer than what a pipe holds
  const files = project({ 'config.toml': minimal + Array.from({ length: 450 }, (_, at) => `[odd_${at}]\n`).join('') })
  const child = spawn(process.execPath, ['cli/main.ts', 'check', '--json', files.config], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await within(20_000, 'the end', new Promise((resolve) => child.once('exit', resolve)))
  assert.is(complaint, '')
  assert.is(code, 0)
})

test('a slow reader gets everything', async () => {
  const files = project({ 'config.toml': minimal + Array.from({ length: 450 }, (_, at) => `[odd_${at}]\n`).join('') })
  const child = spawn(process.execPath, ['cli/main.ts', 'check', '--json', files.config], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await within(20_000, 'the first bytes', new Promise((resolve) => child.stdout.once('readable', resolve)))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await within(20_000, 'all', new Promise((resolve) => child.stdout.once('end', resolve)))
  await exited
  assert.ok(text.length > 65_536, String(text.length))
  assert.ok(JSON.parse(text).findings.length > 400)
})

test('paths that do not exist, folders and files that are no text give a message, never a stack trace', async () => {
  const folder = temporary()
  for (const path of [
    '/nonexistent/config.toml',
    folder,
    '/dev/null',
    process.execPath,
    '\u0001',
    'a'.repeat(10_000),
  ]) {
    const { code, stdout, stderr } = await harmony(['check', path], { cwd: folder })
    assert.is(code, 1, path)
    assert.not.match(stdout + stderr, stackTrace)
    assert.match(stdout, 'error[')
  }
})

test.run()
