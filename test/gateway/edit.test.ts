// What an edit of the files comes to: taken or refused, told to the log and the metrics.
import * as assert from 'uvu/assert'
import { pattern } from '../peers/index.ts'
import { until } from '../support/deadline.ts'
import { answered, overwrite, present, serialIn, serialOf, withReloading } from '../support/reloading.ts'
import type { Reloading } from '../support/reloading.ts'
import { textOf } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('an edit of the configuration')

const get = { path: '/bytes/10' }
const ten = pattern(10)

const reloadLine = (lines: Reloading['lines'], at = 0) => lines.filter((line) => line['event'] === 'reload')[at]

/** What the metrics say: reloads that took effect, those that did not, the last one, the generation. */
const counted = async ({ metric }: Reloading): Promise<number[]> =>
  Promise.all(
    [
      'harmony_config_reloads_total{outcome="ok"}',
      'harmony_config_reloads_total{outcome="failed"}',
      'harmony_config_last_reload_ok',
      'harmony_config_generation',
    ].map(async (series) => metric(series)),
  )

test('an invalid one keeps the old generation, is told with every finding, and is counted', async () =>
  withReloading(async (scene) => {
    const { b, client, gateway, lines, project, take, write } = scene
    const asker = await client('h1')
    write({ backend: b.port })
    const relay = textOf(project.path('pipelines/relay.toml'))
    project.write('pipelines/relay.toml', relay.replace('backends = ["origin"]', 'backends = ["orign"]'))
    project.write('config.toml', textOf(project.config).replace('bind_port', 'bind_prot').concat('\n[loging]\n'))
    project.write('mesh/prod.toml', '[mesh.prod]\ntype = "http9"\nprovider = "local"\n')
    const reloaded = await gateway.reload('test')
    assert.equal([reloaded.ok, reloaded.generation], [false, 1])
    const errors = reloaded.findings.filter(({ severity }) => severity === 'error')
    assert.equal([...new Set(errors.map(({ file }) => file))].toSorted(), ['mesh/prod.toml', 'pipelines/relay.toml'])
    const told = lines.filter((line) => line['event'] === 'finding')
    assert.equal(
      told.map((line) => [line.level, line['code'], line['file'], line['line'], line.message]),
      reloaded.findings.map((one) => [one.severity === 'error' ? 'error' : 'warn', one.code, one.file, one.line, one.message]),
    ) // prettier-ignore
    assert.ok(told.some((line) => line.level === 'warn' && /bind_prot/.test(line.message)))
    assert.is(reloadLine(lines)?.level, 'error')
    assert.is(reloadLine(lines)?.message, `the configuration has ${errors.length} errors: the old one stays`)
    assert.is(await answered(asker, get, ten), 'a')
    assert.equal(await counted(scene), [0, 1, 0, 1])
    project.remove('mesh/prod.toml')
    assert.ok((await take()).ok)
    assert.is(await answered(asker, get, ten), 'b')
    assert.equal(await counted(scene), [1, 1, 1, 2])
  }))

test('one that cannot even be read keeps the old generation', async () =>
  withReloading(async ({ client, gateway, project, take }) => {
    const asker = await client('h1')
    for (const text of ['\0\u0001\u0002', '= = =', '[proxy', '']) {
      project.write('config.toml', text)
      assert.is((await gateway.reload('test')).ok, false)
      assert.is(await answered(asker, get, ten), 'a')
    }
    project.remove('config.toml')
    assert.is((await gateway.reload('test')).ok, false)
    assert.is(await answered(asker, get, ten), 'a')
    assert.ok((await take()).ok)
  }))

test('the log says in one line what it changed, and what it was not', async () =>
  withReloading(async ({ b, spare, lines, project, take }) => {
    await take({ backend: b.port })
    await take({ spare: [spare[0]] })
    await take({ spare: undefined, more: '[logging]\nlog_level = "debug"\n' })
    await take()
    project.write('config.toml', `# nothing but a comment\n${textOf(project.config)}`)
    await take()
    assert.equal(
      lines.filter((line) => line['event'] === 'reload').map((line) => [line.level, line['generation'], line.message]),
      [
        ['info', 2, 'configuration taken: pipelines ~relay'],
        ['info', 3, 'configuration taken: networks +spare0; pipelines ~relay; listeners +1'],
        ['info', 4, 'configuration taken: networks -spare0; pipelines ~relay; logging ~; listeners -1'],
        ['info', 5, 'configuration taken: nothing changed'],
        ['info', 6, 'configuration taken: nothing changed'],
      ],
    )
  }))

test('that of a key names no byte of it', async () =>
  withReloading(async ({ pairs, project, lines, take, gateway }) => {
    overwrite(project, pairs, 1)
    await take()
    project.write('identity/key.pem', pairs[0]?.key ?? '')
    assert.is((await gateway.reload('test')).ok, false)
    const told = JSON.stringify(lines)
    for (const { key } of pairs)
      for (const row of key.split('\n').slice(1, -2)) assert.not.ok(told.includes(row), 'a line of a private key')
  }))

test('it is seen by itself: a backend, then a certificate behind a link', async () =>
  withReloading(
    async ({ a, b, tls, pairs, client, lines, project, write }) => {
      const asker = await client('h1')
      write({ backend: b.port })
      await until(10_000, 'the other backend', async () => (await answered(asker, get, ten)) === 'b')
      assert.is(reloadLine(lines)?.['cause'], 'files')
      // whoever renews a certificate replaces a folder, or a link
      const config = textOf(project.config).replaceAll('identity/', 'renewed/identity/')
      present(project, pairs, 1, 'renewed')
      project.write('config.toml', config)
      await until(10_000, 'the other certificate', async () => (await serialOf(tls)) === serialIn(pairs, 1))
      present(project, pairs, 0, 'renewed')
      await until(10_000, 'the first certificate', async () => (await serialOf(tls)) === serialIn(pairs, 0))
      assert.ok(a.asked() > 0 || b.asked() > 0)
    },
    { watch: true },
  ))

test('a file that it names before it is there is seen when it comes', async () =>
  withReloading(
    async ({ tls, pairs, lines, project }) => {
      project.write('config.toml', textOf(project.config).replaceAll('identity/', 'later/'))
      await until(10_000, 'a reload that is refused', () => reloadLine(lines)?.level === 'error')
      project.write('later/cert.pem', pairs[1]?.cert ?? '')
      project.write('later/key.pem', pairs[1]?.key ?? '')
      await until(4_000, 'the certificate', async () => (await serialOf(tls)) === serialIn(pairs, 1))
    },
    { watch: true },
  ))

test('an operator who asks for the reload over HTTP is told what came of it', async () =>
  withReloading(async ({ b, plain, client, project, write }) => {
    const ask = async (): Promise<[number, Record<string, unknown>]> => {
      const answer = await fetch(`http://127.0.0.1:${plain}/api/reload`, { method: 'POST' })
      // an object: core/pipeline/service/management.ts
      return [answer.status, (await answer.json()) as Record<string, unknown>]
    }
    write({ backend: b.port })
    const [status, told] = await ask()
    assert.equal([status, told['generation'], told['message']], [200, 2, 'pipelines ~relay'])
    assert.is(await answered(await client('h1'), get, ten), 'b')
    project.write('config.toml', '[proxy')
    const [refused, why] = await ask()
    assert.equal([refused, why['generation']], [422, 2])
    assert.ok(Array.isArray(why['findings']) && why['findings'].length > 0)
  }))

test.run()
