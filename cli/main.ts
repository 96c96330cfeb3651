#!/usr/bin/env node
// The program: `harmony COMMAND`. cli/ alone touches the process and the terminal.
import { run } from './run.ts'
import { terminal } from './terminal.ts'

const io = terminal(process)
const code = await run(process.argv.slice(2), io)
// What was printed goes out first: pipes do not wait for a process that ends.
await io.flushed()
process.exit(code)
