// A gateway in this process, from a folder of configuration: what a test needs that looks at many requests. What a
// user starts is in serve.ts.
import { startGateway } from '../../core/index.ts'
import type { Gateway } from '../../core/index.ts'
import type { Fields } from '../../core/log/log.ts'
import { onFreePorts } from '../peers/process.ts'
import { until } from './deadline.ts'
import { logTo } from './log.ts'
import { project } from './serve.ts'
import type { Project } from './serve.ts'

export type Line = Fields & { readonly level: string; readonly message: string }

export type Inside = {
  readonly gateway: Gateway
  readonly project: Project
  readonly ports: readonly number[]
  readonly lines: Line[]
  /** The access line of a request, by its id. */
  access(requestId: string | null): Promise<Line>
  close(): Promise<void>
}

/** Starts a gateway on free ports; throws with the findings when it is refused. */
export async function startInside(
  count: number,
  files: (ports: readonly number[]) => Readonly<Record<string, string>>,
  options: { env?: Readonly<Record<string, string>>; watch?: boolean; graceMs?: number } = {},
): Promise<Inside> {
  return onFreePorts(count, async (ports) => {
    const folder = project(files(ports))
    const lines: Line[] = []
    const { gateway, findings } = await startGateway({
      file: folder.config,
      env: { ...process.env, ...options.env },
      cwd: folder.folder,
      log: logTo(({ fields, level, message }) => lines.push({ ...fields, level, message })),
      version: '0.0.0',
      watch: options.watch ?? false,
      graceMs: options.graceMs ?? 1_000,
    })
    if (gateway === undefined)
      throw new Error(findings.map(({ file, line, message }) => `${file}:${line} ${message}`).join('\n'))
    return {
      gateway,
      project: folder,
      ports,
      lines,
      access: async (requestId) =>
        until(5_000, `access line of ${requestId}`, () =>
          lines.find((line) => line['event'] === 'access' && line['requestId'] === requestId),
        ),
      close: async () => {
        await gateway.stop({ graceMs: 0 })
      },
    }
  })
}
