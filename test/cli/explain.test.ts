// harmony explain: its text, its JSON and its exit codes.
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { everyWay } from '../support/everyway.ts'
import { harmony, project } from '../support/serve.ts'
import { suite } from '../support/suite.ts'

const test = suite('harmony explain')

const files = project(everyWay([18_080, 18_081, 18_082], 19_000))
const run = async (...words: string[]) => harmony(['explain', '-c', files.config, ...words])
const signed = 'http://127.0.0.1:18080/signed/x?name=planted'

test('the text goes from the request to its outcome, each line with its place', async () => {
  const { code, stdout, stderr } = await run('GET', signed)
  assert.is(code, 0)
  assert.is(stderr, '')
  const lines = stdout.trimEnd().split('\n')
  const labels = lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(' ')[0])
  assert.equal(labels, [
    'request',
    'network',
    'path',
    'endpoint',
    'pipeline',
    'mesh',
    'backend',
    'egress',
    'upstream',
    'transport',
    'signed',
    'outcome',
  ])
  for (const [name, header] of [
    ['pipeline', '[pipelines.signed]'],
    ['endpoint', '[endpoints.signed]'],
    ['signed', '[mesh.prod]'],
  ] as const) {
    const line = lines.find((one) => one.startsWith(`${name} `)) ?? ''
    const [, file = '', at = '0'] = /\(([^():]+):(\d+):\d+\)$/.exec(line) ?? []
    assert.is(readFileSync(files.path(file), 'utf8').split('\n')[Number(at) - 1], header, line)
  }
  assert.match(lines.at(-1) ?? '', /^outcome {2,}forwarded: to http:\/\/127\.0\.0\.1:19000/)
  assert.not.match(stdout, 'planted')
})

test('the JSON has the same facts, and nothing stands around it', async () => {
  const { code, stdout, stderr } = await run('GET', signed, '--json')
  assert.equal([code, stderr], [0, ''])
  const { network, route, signed: token, outcome } = JSON.parse(stdout)
  assert.equal([network.name, route.pipeline.name, token.mesh], ['edge', 'signed', 'prod'])
  assert.is(outcome.result, 'forwarded')
  assert.not.match(stdout, 'planted')
})

test('a token is checked as the ingress would, and not shown; a refusal is explained too: exit 0', async () => {
  const minted = await harmony(['token', '--mesh', 'prod', '-c', files.config])
  const token = minted.stdout.trim()
  const asked = ['GET', 'https://members.test/in', '--network', 'edge']
  const accepted = await run(...asked, '-H', `Authorization: Bearer ${token}`)
  assert.is(accepted.code, 0)
  assert.match(accepted.stdout, /^mesh +accepted: /m)
  assert.match(accepted.stdout, /^ {2}context +mesh prod \(prod\), sub gateway$/m)
  assert.not.match(accepted.stdout, token.split('.')[2] ?? token)
  const refused = await run(...asked, '-H', `Authorization: Bearer ${token.slice(0, -3)}`)
  assert.is(refused.code, 0)
  assert.match(refused.stdout, /^ {4}FAIL +signature/m)
  assert.match(refused.stdout, /^outcome +refused 403 mesh\/required: token\/signature/m)
})

test('an unknown network: exit 1 with a guess, under --json as a document', async () => {
  const text = await run('GET', signed, '--network', 'egde')
  assert.equal([text.code, text.stdout], [1, ''])
  assert.match(text.stderr, 'did you mean "edge"?')
  const json = await run('GET', signed, '--network', 'egde', '--json')
  assert.is(json.code, 1)
  assert.is(JSON.parse(json.stdout).error.code, 'network/unknown')
})

test.run()
