// CPU time and memory of a process with all its children, from /proc.
import { readdirSync, readFileSync } from 'node:fs'

export type Usage = { cpuMs: number; rssMb: number; peakMb: number }

/** CPU time of the whole machine since it started, in ms: what programs used, and what the host took away. */
export function machine(): { usedMs: number; stolenMs: number } {
  // user, nice, system, idle, iowait, irq, softirq, steal: proc_stat(5). Interrupts are nobody's.
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = read('/proc/stat')
    .split('\n', 1)
    .join('')
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return { usedMs: (user + nice + system) * tickMs, stolenMs: steal * tickMs }
}

// USER_HZ, 100 on every Linux that runs Node: the unit of /proc/<pid>/stat.
const tickMs = 10

/** Usage of the process and its children, now. */
export function usage(root: number): Usage {
  const total: Usage = { cpuMs: 0, rssMb: 0, peakMb: 0 }
  for (const pid of tree(root)) {
    const fields = stat(pid)
    // utime and stime, fields 14 and 15 of proc_pid_stat(5); the list begins with field 3.
    total.cpuMs += (Number(fields[11]) + Number(fields[12])) * tickMs
    const status = read(`/proc/${pid}/status`)
    total.rssMb += kilobytes(status, 'VmRSS') / 1024
    total.peakMb += kilobytes(status, 'VmHWM') / 1024
  }
  return total
}

function tree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc'))
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(stat(Number(name))[1]))
  const found = [root]
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child)
  return found
}

/** The fields of /proc/<pid>/stat after the command, which may hold blanks and brackets. */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}

/** Empty for a process that has just ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
