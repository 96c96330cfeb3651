// The import law: who may know whom. Each rule says why, and the reason is printed where it breaks.

export type Rule = {
  name: string
  /** The files that the rule binds: paths from the root of the repository. */
  binds: RegExp
  /** What such a file must not import: a path from the root, or the name of a package or built-in module. */
  imports?: (target: string, file: string) => boolean
  /** What must not stand in the text of such a file. */
  text?: RegExp
  why: string
}

export type Breach = { rule: Rule; file: string; found: string }

const product = /^(?:quic|core|cli|examples)\//
const pure = /^core\/(?:config|mesh|reference|route)\//
const middleware = /^core\/pipeline\/middleware\/([^/]+)\//
const sockets = /^(?:node:)?(?:net|tls|dgram|http|https|http2|dns|dns\/promises|quic)$|^(?:undici|ws)$/

export const law: readonly Rule[] = [
  {
    name: 'quic/ imports itself alone',
    binds: /^quic\//,
    imports: (target) => /^(?:core|cli)\//.test(target),
    why: 'quic/ moves bytes for any program: a library that knows the gateway above it serves nobody else',
  },
  {
    name: 'core/ knows quic/ by its index',
    binds: /^core\//,
    imports: (target) => target.startsWith('quic/') && target !== 'quic/index.ts',
    why: 'the face of the engine is quic/index.ts: what lies behind it may change without core/ noticing',
  },
  {
    name: 'core/ does not know cli/',
    binds: /^core\//,
    imports: (target) => target.startsWith('cli/'),
    why: 'core/ decides, cli/ asks: a core that knows its terminal cannot run elsewhere',
  },
  {
    name: 'core/ leaves the process and the terminal alone',
    binds: /^core\//,
    text: /\bprocess\.(?:exit|argv|stdout|stderr)\b|\bconsole\./,
    why: 'cli/ alone touches the terminal and the process: core/ returns values, also when it fails',
  },
  {
    name: 'core/ opens no socket',
    binds: /^core\//,
    imports: (target) => sockets.test(target),
    why: 'every byte on a wire goes through quic/, which has the limits, the backpressure and the tests',
  },
  {
    name: 'values below the pipeline do not know the engine',
    binds: pure,
    imports: (target) => target.startsWith('quic/'),
    why: 'config, mesh, reference and route are values and findings: they are tested without an engine',
  },
  {
    name: 'values below the pipeline do not read the clock',
    binds: pure,
    text: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(?:Timeout|Interval)\(/,
    why: 'time is an argument there: the same input gives the same answer, in tests and in check',
  },
  {
    name: 'a middleware does not know another',
    binds: middleware,
    imports: (target, file) => {
      const other = middleware.exec(target)?.[1]
      return other !== undefined && other !== middleware.exec(file)?.[1]
    },
    why: 'each middleware can be read, tested and removed alone; what two need belongs below both',
  },
  {
    name: 'cli/ knows core/ by its index',
    binds: /^cli\//,
    imports: (target) => target.startsWith('quic/') || (target.startsWith('core/') && target !== 'core/index.ts'),
    why: 'what the command line can do, a program that embeds core/ can do: through the same door',
  },
  {
    name: 'the product imports no test, no bench and no build output',
    binds: product,
    imports: (target) => /^(?:test|bench|dist)\//.test(target),
    why: 'what ships must not need what does not ship',
  },
  {
    name: 'test files take their suites from test/support/suite.ts',
    binds: /^(?:test|bench)\/(?!support\/suite\.ts$)/,
    imports: (target) => target === 'uvu',
    why: 'a suite of bare uvu reports nothing to the runner, and loses the errors of its hooks',
  },
]

/** Every place where the files break the rules; `files` maps paths from the root to their text. */
export function breaches(rules: readonly Rule[], files: ReadonlyMap<string, string>): Breach[] {
  const found: Breach[] = []
  for (const [file, source] of files) {
    const text = withoutComments(source)
    for (const rule of rules) {
      if (!rule.binds.test(file)) continue
      for (const target of importsOf(file, text))
        if (rule.imports?.(target, file)) found.push({ rule, file, found: `imports ${target}` })
      const match = rule.text?.exec(text)
      if (match) found.push({ rule, file, found: `has ${match[0]}` })
    }
  }
  return found
}

export function describe({ rule, file, found }: Breach): string {
  return `${file} ${found}: ${rule.name}, because ${rule.why}`
}

const specifier =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** What a file imports: paths from the root for its own kind, names for packages. */
function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(specifier)].map((match) => {
    const target = match[1] ?? match[2] ?? match[3] ?? ''
    return target.startsWith('.') ? new URL(target, `file:///${file}`).pathname.slice(1) : target
  })
}

/** The source without comments on lines of their own: prose may speak of what code may not do. */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '')
}
