#!/usr/bin/env node
import { shownMessage } from '../server-lib/channels/shown-message.ts'
import { readCommandLine, type EnginesLine } from './command-line.ts'
import { install } from './install.ts'
import { loadEngines, type AnyEngines } from './load-engines.ts'
import { NoPanelError } from './panel/no-panel.ts'
import { askPanel } from './panel/run.ts'
import { visible } from './panel/screen.ts'
import { openPanel } from './panel/open.ts'
import { replaced } from './panel/token.ts'
import { recover } from './recover.ts'
import { types } from './types.ts'
import { USAGE, UsageError } from './usage.ts'

/** How long the engines may take to close; what their module started besides is ended with the process. */
const CLOSE_MS = 1_000

async function run(args: string[]): Promise<number> {
  const line = readCommandLine(args)
  if (line.command === 'help') {
    await print(process.stdout, USAGE)
    return 0
  }
  if (line.command === 'token') {
    await print(process.stdout, replaced(line.json))
    return 0
  }
  if (line.command === 'open') return openPanel(line, text => print(process.stdout, text))
  if (!('engines' in line)) return askPanel(line, text => print(process.stdout, text))
  const engines = await loadEngines(line.engines)
  try {
    const { text, isClear } = await carryOut(line, engines)
    await print(process.stdout, `${text}\n`)
    return isClear ? 0 : 1
  } finally {
    await engines.close({ graceMs: CLOSE_MS })
  }
}

function carryOut(line: EnginesLine, engines: AnyEngines) {
  switch (line.command) {
    case 'recover':
      return recover(engines, line)
    case 'install':
      return install(engines, line.json)
    case 'types':
      return types(engines, line)
    default:
      return line satisfies never
  }
}

/** Resolves when it is written: the process is about to be ended. */
const print = (stream: NodeJS.WriteStream, text: string) =>
  new Promise<void>(resolve => void stream.write(text, () => resolve()))

// A reader that has seen enough (`| head`) is no failure: the command is carried out to its end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

/** No top-level await: what is published is CommonJS. */
async function main(): Promise<number> {
  try {
    return await run(process.argv.slice(2))
  } catch (error) {
    const usage = error instanceof UsageError ? 'See enginelight --help.\n' : ''
    // It may quote what a process or a server has sent.
    const lines = shownMessage(error).split('\n').map(visible)
    await print(process.stderr, `enginelight: ${lines.join('\n')}\n${usage}`)
    if (error instanceof NoPanelError) return 3
    return error instanceof UsageError ? 2 : 1
  }
}

// A process that has nothing left to wait for has not done what it was asked to.
process.exitCode = 1
void main().then(code => process.exit(code))
