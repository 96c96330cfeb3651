// What may leave, over which transport, and who signs for it.
import { decodeJwt } from 'jose'
import * as assert from 'uvu/assert'
import type { Config } from '../../core/config/model.ts'
import type { MeshContext } from '../../core/mesh/context.ts'
import { createEgressChoice } from '../../core/mesh/egress.ts'
import { defaultBackend } from '../../core/mesh/way.ts'
import type { Choice } from '../../core/mesh/egress.ts'
import { configWith } from '../support/config.ts'
import type { ConfigParts, EgressParts, MeshParts } from '../support/config.ts'
import { suite } from '../support/suite.ts'

const test = suite('mesh/egress')

const site = 'https://b.example:8443'

// --- no egress ---

test('a backend without an egress lets everything through, without a token', () => {
  const choice = choose(of({}, { prod: {} }), '/fhir')
  assert.equal(choice, { kind: 'go', egress: undefined, http3: false, signer: undefined, unlisted: [] })
})

test('a disabled egress counts for nothing', () => {
  const config = of({ out: { mode: 'mesh', enabled: false } }, { prod: { egress: ['out'] } })
  assert.is(went(choose(config, '/fhir')).egress, undefined)
})

test('an egress of another pipeline counts for nothing', () => {
  const config = configWith({
    backends: { b: site },
    pipelines: { main: { backends: ['b'] }, other: { backends: ['b'], egresses: { out: { mode: 'mesh' } } } },
    meshes: { prod: { egress: ['out'] } },
  })
  assert.is(went(choose(config, '/fhir')).egress, undefined)
})

test('a pipeline without backends uses that of its first enabled egress', () => {
  const config = configWith({
    backends: { b: site, c: 'https://c.example' },
    pipelines: { main: { egresses: { off: { backend: 'c', enabled: false }, out: { backend: 'b' } } }, none: {} },
  })
  const main = config.pipelines.get('main')
  const none = config.pipelines.get('none')
  assert.is(main && defaultBackend(main)?.name, 'b')
  assert.is(none && defaultBackend(none), undefined)
  assert.is(went(choose(config, '/x', undefined, 'b')).egress, 'out')
})

// --- mode (decisions 1 and 15) ---

const contexts = [undefined, 'prod', 'test'] as const
const modes: readonly (readonly [
  name: string,
  meshes: Readonly<Record<string, MeshParts>>,
  allowed: readonly boolean[],
])[] = [
  ['in no mesh', {}, [false, true, true]],
  ['in mesh prod', { prod: { egress: ['out'] } }, [false, true, false]],
  [
    'in both meshes',
    { prod: { egress: ['out'], ingress: ['partner'] }, test: { egress: ['out'] } },
    [false, true, true],
  ],
  ['in a disabled mesh', { prod: { egress: ['out'], enabled: false } }, [false, true, true]],
]

for (const [name, meshes, allowed] of modes) {
  for (const [index, mesh] of contexts.entries()) {
    const passes = allowed[index] === true
    test(`mode mesh, ${name}: context of ${mesh ?? 'nobody'} ${passes ? 'may leave' : 'may not leave'}`, () => {
      const choice = choose(of({ out: { mode: 'mesh' } }, meshes, partner), '/fhir', mesh)
      if (passes) assert.is(choice.kind, 'go')
      else assert.is(refusedBy(choice), 'mesh/egress-context')
    })
  }
  test(`mode default, ${name}: everything may leave`, () => {
    for (const mesh of contexts) assert.is(choose(of({ out: {} }, meshes, partner), '/fhir', mesh).kind, 'go')
  })
}

test('mode mesh holds for backends that are no upstream, too', () => {
  const config = of({ out: { mode: 'mesh' } }, { prod: { egress: ['out'] } }, { backends: { b: {} } })
  assert.is(refusedBy(choose(config, '/fhir')), 'mesh/egress-context')
  assert.is(went(choose(config, '/fhir', 'prod')).signer, undefined)
})

test('of two egresses one in mode default lets through what the other does not', () => {
  const config = of({ strict: { mode: 'mesh' }, out: { type: 'http3' } }, { prod: { egress: ['strict'] } })
  assert.equal(went(choose(config, '/fhir')), { egress: 'out', http3: true, signer: undefined, unlisted: [] })
  const inside = went(choose(config, '/fhir', 'prod'))
  assert.equal(inside, { egress: 'strict', http3: false, signer: 'prod', unlisted: [] })
})

test('type http3 asks for HTTP/3, type http does not', () => {
  assert.is(went(choose(of({ out: { type: 'http3' } }, {}), '/')).http3, true)
  assert.is(went(choose(of({ out: {} }, { prod: { type: 'http3', egress: ['out'] } }), '/')).http3, false)
})

// --- who signs (decision 14) ---

const partner: ConfigParts = { remotes: { partner: [`${site}/fhir`] } }

test('a mesh without listed destinations signs whatever leaves by its egress', () => {
  const config = of({ out: {} }, { prod: { egress: ['out'] } })
  for (const path of ['/', '/fhir', '*']) assert.is(went(choose(config, path)).signer, 'prod')
})

test('a mesh that lists own ingresses alone signs whatever leaves by its egress', () => {
  const config = of({ out: {} }, { prod: { egress: ['out'], ingress: ['in'] } })
  assert.is(went(choose(config, '/anything')).signer, 'prod')
})

const listed: readonly (readonly [url: string, path: string, signed: boolean])[] = [
  [`${site}/fhir`, '/fhir', true],
  [`${site}/fhir`, '/fhir/Patient/1', true],
  [`${site}/fhir/`, '/fhir', true],
  [`${site}/fhir`, '/fhir/', true],
  [`${site}/fhir`, '/fhi%72/Patient', true],
  [`${site}/fhir`, '/fhirx', false],
  [`${site}/fhir`, '/fhir%2fPatient', false],
  [`${site}/fhir`, '/FHIR', false],
  [`${site}/fhir`, '/', false],
  [`${site}/fhir`, '*', false],
  [`${site}/`, '/anything', true],
  [site, '/', true],
  ['https://B.Example:8443/fhir', '/fhir', true],
  ['https://b.example.:8443/fhir', '/fhir', true],
  ['https://b.example/fhir', '/fhir', false],
  ['https://b.example:9443/fhir', '/fhir', false],
  ['http://b.example:8443/fhir', '/fhir', false],
  ['https://c.example:8443/fhir', '/fhir', false],
]

for (const [url, path, signed] of listed) {
  test(`with ${url} listed, ${path} ${signed ? 'gets a token' : 'gets none, with a warning'}`, () => {
    const config = of({ out: {} }, { prod: { egress: ['out'], ingress: ['partner'] } }, { remotes: { partner: [url] } })
    const { signer, unlisted } = went(choose(config, path))
    assert.is(signer, signed ? 'prod' : undefined)
    assert.equal(unlisted, signed ? [] : ['prod'])
  })
}

test('a destination without a port means its scheme’s own', () => {
  const parts = { backends: { b: 'https://b.example' }, remotes: { partner: ['https://b.example/fhir'] } }
  const config = of({ out: {} }, { prod: { egress: ['out'], ingress: ['partner'] } }, parts)
  assert.is(went(choose(config, '/fhir')).signer, 'prod')
})

test('an own ingress is a permitted destination beside the listed ones; a disabled one is not', () => {
  const meshes = { prod: { egress: ['out'], ingress: ['partner', 'in'] } }
  assert.is(went(choose(of({ out: {} }, meshes, partner), '/own/x')).signer, 'prod')
  const off = of({ out: {} }, meshes, partner, false)
  assert.equal(went(choose(off, '/own/x')), { egress: 'out', http3: false, signer: undefined, unlisted: ['prod'] })
})

test('of several meshes the one with the longest matching destination signs', () => {
  const remotes = { wide: [`${site}/`], narrow: [`${site}/fhir`], narrower: [`${site}/fhir/r4`] }
  const meshes = {
    a: { egress: ['out'], ingress: ['wide'] },
    b: { egress: ['out'], ingress: ['narrower'] },
    c: { egress: ['out'], ingress: ['narrow'] },
  }
  const config = of({ out: {} }, meshes, { remotes })
  assert.is(went(choose(config, '/fhir/r4/Patient')).signer, 'b')
  assert.is(went(choose(config, '/fhir/r4x')).signer, 'c')
  assert.is(went(choose(config, '/other')).signer, 'a')
})

test('of two meshes that match alike the first by name signs', () => {
  const meshes = { z: { egress: ['out'], ingress: ['partner'] }, b: { egress: ['out'], ingress: ['partner'] } }
  assert.is(went(choose(of({ out: {} }, meshes, partner), '/fhir')).signer, 'b')
})

test('where no listed destination matches, the only mesh without a list signs', () => {
  const meshes = { a: { egress: ['out'], ingress: ['partner'] }, rest: { egress: ['out'] } }
  const config = of({ out: {} }, meshes, partner)
  assert.is(went(choose(config, '/fhir')).signer, 'a')
  assert.is(went(choose(config, '/other')).signer, 'rest')
})

test('two meshes without lists: what check would refuse is refused here too', () => {
  const config = of({ out: {} }, { a: { egress: ['out'] }, b: { egress: ['out'] } })
  assert.is(refusedBy(choose(config, '/')), 'mesh/unsigned')
})

test('of two egresses the one with the longest matching destination goes, then one that signs, then the first', () => {
  const egresses = { plain: {}, all: {}, some: {} }
  const meshes = { rest: { egress: ['all'] }, prod: { egress: ['some'], ingress: ['partner'] } }
  const config = of(egresses, meshes, partner)
  assert.is(went(choose(config, '/fhir')).egress, 'some')
  assert.is(went(choose(config, '/other')).egress, 'all')
  assert.is(went(choose(of(egresses, {}), '/other')).egress, 'plain')
})

test('a disabled mesh signs nothing', () => {
  assert.is(went(choose(of({ out: {} }, { prod: { egress: ['out'], enabled: false } }), '/')).signer, undefined)
})

test('the mesh of the context is not asked: the egress decides who signs', () => {
  const meshes = { prod: { egress: ['out'] }, test: {} }
  assert.is(went(choose(of({ out: {} }, meshes), '/', 'test')).signer, 'prod')
})

test('a mesh without a key to sign with refuses', () => {
  assert.is(refusedBy(choose(of({ out: {} }, { prod: { egress: ['out'], signing: 'none' } }), '/')), 'mesh/unsigned')
})

test('the signer mints for the mesh, in the name of this gateway', async () => {
  const choice = choose(of({ out: {} }, { prod: { id: '01j', egress: ['out'] } }), '/')
  assert.ok(choice.kind === 'go' && choice.signer)
  const claims = decodeJwt(await choice.signer.mint(site, Date.UTC(2027, 0, 1)))
  assert.equal([claims.iss, claims['mesh_id'], claims.sub, claims.aud], ['prod', '01j', 'gateway-a', site])
})

// --- references and providers ---

const runbeam: ConfigParts = { providers: { runbeam: {} } }

test('an unresolved reference refuses what may need it, in either list', () => {
  const ingress = 'runbeam.acme.ingress.name.api'
  for (const mesh of [
    { egress: ['out', ingress] },
    { egress: ['out'], ingress: [ingress] },
    { egress: ['out'], ingress: ['runbeam.id.01j'] },
  ])
    assert.is(refusedBy(choose(of({ out: {} }, { prod: mesh }, runbeam), '/fhir')), 'reference/unavailable')
})

test('an unresolved reference does not break the other members of the mesh', () => {
  const mesh = { egress: ['out'], ingress: ['partner', 'runbeam.acme.ingress.name.api'] }
  const config = of({ out: {} }, { prod: mesh }, { ...runbeam, ...partner })
  assert.is(went(choose(config, '/fhir')).signer, 'prod')
  assert.is(refusedBy(choose(config, '/other')), 'reference/unavailable')
})

test('a partner’s egress is no destination', () => {
  const mesh = { egress: ['out', 'runbeam.acme.egress.name.exit'] }
  assert.is(went(choose(of({ out: {} }, { prod: mesh }, runbeam), '/any')).signer, 'prod')
})

test('an entry of the catalogue counts in the list of egresses too', () => {
  const config = of({ out: {} }, { prod: { egress: ['out', 'partner'] } }, partner)
  assert.is(went(choose(config, '/fhir')).signer, 'prod')
  assert.equal(went(choose(config, '/other')).unlisted, ['prod'])
})

test('a mesh of a provider cannot be signed for by this version', () => {
  const config = of({ out: {} }, { prod: { provider: 'runbeam', egress: ['out'] } }, runbeam)
  assert.is(refusedBy(choose(config, '/')), 'reference/unavailable')
})

// --- egresses with a backend of their own (spec 7.4 step 2) ---

test('an egress whose backend the pipeline does not list counts for what goes to the same place', () => {
  const parts = { backends: { b: `${site}/`, own: `${site}/fhir` } }
  const config = of({ out: { backend: 'own', mode: 'mesh' } }, { prod: { egress: ['out'] } }, parts)
  assert.is(refusedBy(choose(config, '/fhir/Patient')), 'mesh/egress-context')
  assert.is(went(choose(config, '/fhir/Patient', 'prod')).signer, 'prod')
  assert.is(went(choose(config, '/other')).egress, undefined)
  assert.is(went(choose(config, '/fhirx')).egress, undefined)
})

test('an egress whose backend the pipeline does not list counts for destinations that its mesh lists', () => {
  const parts = { ...partner, backends: { b: site, own: 'https://c.example' } }
  const config = of({ out: { backend: 'own' } }, { prod: { egress: ['out'], ingress: ['partner'] } }, parts)
  assert.is(went(choose(config, '/fhir')).signer, 'prod')
  assert.is(went(choose(config, '/other')).egress, undefined)
})

test('an egress of another listed backend does not count', () => {
  const config = configWith({
    backends: { b: site, c: site },
    pipelines: { main: { backends: ['b', 'c'], egresses: { out: { backend: 'c', mode: 'mesh' } } } },
  })
  assert.is(went(choose(config, '/fhir')).egress, undefined)
  assert.is(refusedBy(choose(config, '/fhir', undefined, 'c')), 'mesh/egress-context')
})

test('1,000 egresses of a mesh with 2,000 destinations compile and choose in moments', () => {
  const names = Array.from({ length: 1000 }, (_, n) => `p${n}`)
  const paths = Array.from({ length: 2000 }, (_, n) => `${site}/tenant-${n}`)
  const config = configWith({
    backends: { b: site },
    pipelines: Object.fromEntries(names.map((name) => [name, { backends: ['b'], egresses: { [`out-${name}`]: {} } }])),
    remotes: { partner: paths },
    meshes: { prod: { ingress: ['partner'], egress: names.map((name) => `out-${name}`) } },
  })
  const started = performance.now()
  const egress = createEgressChoice(config)
  for (let n = 0; n < 1000; n++) {
    const choice = egress.choose({ name: `p${n}` }, { name: 'b' }, `/tenant-${n}/x`, undefined)
    assert.ok(choice.kind === 'go' && choice.signer)
  }
  assert.ok(performance.now() - started < 10_000)
})

test.run()

/** Pipeline `main` with backend `b` at the site, ingress `in` at `/own` of it, and these egresses. */
function of(
  egresses: Readonly<Record<string, EgressParts>>,
  meshes: Readonly<Record<string, MeshParts>>,
  parts: ConfigParts = {},
  ingressEnabled = true,
): Config {
  return configWith({
    backends: { b: site },
    endpoints: { api: {} },
    pipelines: {
      main: {
        endpoints: ['api'],
        backends: ['b'],
        ingresses: { in: { urls: [`${site}/own`], enabled: ingressEnabled } },
        egresses,
      },
    },
    meshes,
    remotes: { partner: [`${site}/fhir`] },
    ...parts,
  })
}

function choose(config: Config, path: string, mesh?: string, backend = 'b'): Choice {
  const context: MeshContext | undefined =
    mesh === undefined ? undefined : { mesh, meshId: mesh, sub: 'x', claims: {}, ingress: undefined }
  return createEgressChoice(config).choose({ name: 'main' }, { name: backend }, path, context)
}

function went(choice: Choice) {
  if (choice.kind !== 'go') throw new Error(`refused: ${choice.code}: ${choice.detail}`)
  const { egress, http3, signer, unlisted } = choice
  return { egress: egress?.name, http3, signer: signer?.mesh, unlisted }
}

function refusedBy(choice: Choice): string | undefined {
  return choice.kind === 'refuse' ? choice.code : undefined
}
