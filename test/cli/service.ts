// What tests of harmony serve start: a service with one pipeline, and an origin that takes its time.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { onFreePorts } from '../peers/process.ts'
import { project, serve } from '../support/serve.ts'
import type { Project, Served } from '../support/serve.ts'

const open: Served[] = []

/** Stops what was started. */
export async function stopAll(): Promise<void> {
  for (const served of open.splice(0)) await served.stop()
}

/** One pipeline on one network. */
export const configuration = (port: number, more = '', prefix = '/echo', backend = 'service = "echo"'): string => `
[proxy]
id = "x"
primary_provider = "local"

[network.plain.tcp_config]
bind_address = "127.0.0.1"
bind_port = ${port}

[pipelines.p]
networks = ["plain"]
endpoints = ["e"]
backends = ["b"]

[endpoints.e]
service = "http"
options.path_prefix = "${prefix}"

[backends.b]
${backend}

${more}`

type Options = Parameters<typeof serve>[1]

/** Serves, until `stopAll`. */
export async function start(files: Project, options: Options = {}): Promise<Served> {
  const served = await serve(files, options)
  open.push(served)
  return served
}

/** Serves on a port of its own. */
export async function started(
  write: (port: number) => Record<string, string>,
  options: Options = {},
): Promise<{ served: Served; files: Project; url: string; port: number }> {
  return onFreePorts(1, async ([port = 0]) => {
    const files = project(write(port))
    const served = await start(files, options)
    return { served, files, port, url: `http://127.0.0.1:${port}` }
  })
}

/** An origin that answers when it is told to. */
export async function slowOrigin(): Promise<{
  port: number
  asked: () => number
  answer: () => void
  close: () => void
}> {
  const waiting: http.ServerResponse[] = []
  let asked = 0
  const server = http.createServer((_request, response) => {
    asked += 1
    waiting.push(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // it listens on TCP
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    answer: () => waiting.splice(0).forEach((response) => response.end('late')),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** The table of a backend there. */
export const backendAt = (port: number): string => `service = "http"

[backends.b.connection]
host = "127.0.0.1"
port = ${port}
protocol = "http"
`
