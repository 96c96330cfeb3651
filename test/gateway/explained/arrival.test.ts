// Where a request comes in and where it goes: which network and which route were taken, and why no other.
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ExplainRequest } from '../../../core/index.ts'
import { authority } from '../../peers/certificate.ts'
import { suite } from '../../support/suite.ts'
import { asker, edge, everything, oneNetwork } from './asker.ts'
import type { Told } from './asker.ts'

const test = suite('explained arrivals')

const every = await asker(everything)

/** Why a route was not taken. */
function why({ json }: Told, name: string): string | undefined {
  return json.rejected.find((one) => one.name === name)?.why
}

test('each route that is not taken has its reason', async () => {
  const open = await every(`${edge}/open/deep/x`)
  assert.is(why(open, 'open'), 'a longer path fits: /open/deep')
  assert.is(why(open, 'guarded'), 'the path is not below it')
  assert.is(why(open, 'lonely'), 'another host: lonely.test, not 127.0.0.1')
  assert.is(why(open, 'inner'), 'another network: pipeline inner is on inner, not on edge')
  assert.is(why(open, 'deep'), undefined)
  const off = await every(`${edge}/in`, { headers: [['host', 'off.test']] })
  assert.is(why(off, 'off'), 'it is disabled')
  const ported = await every(`${edge}/in`, { headers: [['host', 'ported.test']] })
  assert.is(why(ported, 'ported'), 'another port: 4321, not 18080')
  const deeper = await every(`${edge}/in/deeper/x`, { headers: [['host', 'mixed.test']] })
  assert.is(why(deeper, 'mixed'), 'a longer path fits: /in/deeper')
  assert.is(deeper.json.route?.ingress?.url, 'https://mixed.test/in/deeper')
  const own = await every(`${edge}/own`, { headers: [['host', 'out.test']] })
  assert.is(why(own, 'guarded'), 'an ingress has the URL, and ingresses come first')
  const study = await every(`${edge}/dicom/patients`)
  assert.is(why(study, 'studies'), 'its service, dicomweb, has no such resource')
  const doubtful = await every(`${edge}//own`)
  assert.is(why(doubtful, 'guarded'), 'read otherwise, the path is below it')
  assert.equal(doubtful.json.path.readings, ['/own'])
})

test('the routes most like the request come first', async () => {
  const { json } = await every(`${edge}/own`, { headers: [['host', 'out.test']] })
  assert.is(json.rejected[0]?.name, 'guarded')
})

test('of many routes the rest is counted', async () => {
  const many = Array.from(
    { length: 200 },
    (_, at) => `[endpoints.e${at}]\nservice = "http"\noptions.path_prefix = "/e${at}"`,
  )
  const names = many.map((_, at) => `"e${at}"`).join(', ')
  const ask = await asker(
    oneNetwork(`[pipelines.many]
networks = ["edge"]
endpoints = [${names}]
backends = []
${many.join('\n')}
`),
  )
  const { json, lines } = await ask(`${edge}/e7/x`)
  assert.is(json.route?.endpoint.name, 'e7')
  assert.equal([json.rejected.length, json.rejected_more], [50, 149])
  assert.ok(lines.some((line) => line.includes('149 others')))
})

test('every route is either taken or rejected, never both, whatever is asked', async () => {
  const total = (await every(`${edge}/nowhere`)).json.rejected.length
  const segment = fc.constantFrom('in', 'open', 'deep', 'deeper', 'own', 'dicom', 'studies', 'x', '', 'own;v', '%6fwn')
  const host = fc.constantFrom('any.test', 'members.test', 'mixed.test', 'out.test', 'off.test', 'ported.test:4321')
  await fc.assert(
    fc.asyncProperty(host, fc.array(segment, { maxLength: 4 }), async (named, segments) => {
      const { json } = await every(`${edge}/${segments.join('/')}`, { headers: [['host', named]] })
      assert.is(json.rejected.length + (json.route === null ? 0 : 1), total)
    }),
  )
})

test('a network is found by its socket, else by what it serves; all were considered', async () => {
  assert.is((await every('http://127.0.0.1:18081/open')).json.network.name, 'forced')
  assert.is((await every('http://localhost:18082/open')).json.network.name, 'inner')
  const { json } = await every('https://members.test/in')
  assert.is(json.network.name, 'edge', 'behind a proxy that ends TLS')
  assert.equal(json.networks.map(({ name }) => name).toSorted(), ['forced', 'inner'])
  assert.ok(json.notes.some((note) => note.includes('as if a proxy')))
  assert.ok(json.notes.some((note) => note.startsWith('network forced fits as well')))
  assert.is((await every(`${edge}/open`, { network: 'inner' })).json.network.name, 'inner')
})

test('what a network serves tells more than whether it speaks TLS; but plain text comes in on no TLS', async () => {
  const { chain, key } = authority().issue('localhost')
  const ask = await asker({
    'config.toml': `
[proxy]
id = "x"
primary_provider = "local"
[network.tls.tcp_config]
bind_address = "0.0.0.0"
bind_port = 18443
cert_path = "${chain}"
key_path = "${key}"
[network.plain.tcp_config]
bind_address = "0.0.0.0"
bind_port = 18080
[pipelines.a]
networks = ["tls"]
endpoints = ["a"]
backends = []
[pipelines.b]
networks = ["plain"]
endpoints = ["b"]
backends = []
[endpoints.a]
service = "http"
options.path_prefix = "/a"
[endpoints.b]
service = "http"
options.path_prefix = "/b"
`,
  })
  const chosen = async (url: string): Promise<string> => (await ask(url)).json.network.name
  assert.is(await chosen('https://any.test/a'), 'tls')
  assert.is(await chosen('https://any.test/b'), 'plain')
  assert.is(await chosen('https://any.test:18443/b'), 'tls', 'its very socket')
  assert.is(await chosen('http://any.test/b'), 'plain')
  assert.is(await chosen('http://any.test/a'), 'plain')
})

test('who names a network that is not there is told which there are', async () => {
  const answer = every(edge, { network: 'egde' }).catch(String)
  assert.is(await answer, 'Error: network/unknown: the configuration has no network "egde"; did you mean "edge"?')
})

test('what no client could send is no question', async () => {
  const bad = async (more: Partial<ExplainRequest>): Promise<string> =>
    every(edge, more).then(
      () => 'explained',
      (error: unknown) => String(error).split(': ')[1] ?? '',
    )
  assert.is(await bad({ url: 'ftp://a.test/' }), 'explain/url')
  assert.is(await bad({ url: 'http://a.test:99999/' }), 'explain/url')
  assert.is(await bad({ url: 'http://:80/' }), 'explain/url')
  assert.is(await bad({ headers: [['content-length', 'many']] }), 'explain/header')
  assert.is(
    await bad({
      headers: [
        ['host', 'a'],
        ['host', 'b'],
      ],
    }),
    'explain/header',
  )
})

test('the address of the client is the one of a trusted proxy alone', async () => {
  const headers = [['x-forwarded-for', '203.0.113.9']] as const
  const { json } = await every(`${edge}/open`, { headers })
  assert.is(json.request.client, '127.0.0.1')
  assert.ok(json.notes.some((note) => note.includes('not believed')))
  assert.is((await every(`${edge}/open`, { client: '192.0.2.1' })).json.request.client, '192.0.2.1')
})

test.run()
