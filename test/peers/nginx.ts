// nginx without root and without files outside a temporary directory.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peer } from './find.ts'
import { accepts, onFreePorts, start, temporary } from './process.ts'
import type { Running } from './process.ts'

export type Nginx = Running & { ports: number[]; root: string }

/**
 * Starts nginx; `http` writes what stands in its http block, given its ports and the directory of its
 * files. Connections are kept as long as nginx can, so that a measurement sees no new ones.
 */
export async function startNginx(
  ports: number,
  http: (ports: number[], root: string) => string,
  workers = 1,
): Promise<Nginx> {
  const folder = temporary()
  const root = join(folder, 'root')
  mkdirSync(root)
  return onFreePorts(ports, async (chosen) => {
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, config(folder, workers, http(chosen, root)))
    const up = async (): Promise<boolean> => (await Promise.all(chosen.map((port) => accepts(port)))).every(Boolean)
    const running = await start(peer('nginx'), ['-p', folder, '-c', file, '-e', 'stderr'], up)
    return { ...running, ports: chosen, root }
  })
}

function config(folder: string, workers: number, http: string): string {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
worker_processes ${workers};
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  types { }
  default_type application/octet-stream;
${scratch.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
${http}
}
`
}
