import { execFile, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The path of a compiled file of `instrumentation/otel`, from which the package is made. */
export const compiled = (file: string): string => `${root}.cache/compiled/instrumentation/otel/${file}`

/** Compiles the sources into `.cache/compiled`, which a test's child processes run: Node 20 runs no TypeScript. */
export async function compile(): Promise<void> {
  const tsc = [`${root}node_modules/typescript/bin/tsc`, '-b', 'instrumentation']
  await promisify(execFile)(process.execPath, tsc, { cwd: root }).catch((error: { stdout?: string }) => {
    throw new Error(`The sources do not compile:\n${error.stdout}`)
  })
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly milliseconds: number
}

export interface Running {
  readonly process: ChildProcess
  /** Its first message. */
  readonly ready: Promise<unknown>
  readonly ended: Promise<Ended>
}

/** Runs `node <flags> file <args>` with only PATH and these variables set. */
export function run(
  file: string,
  {
    flags = [],
    args = [],
    env = {},
  }: { flags?: string[]; args?: string[]; env?: Record<string, string> } = {},
): Running {
  const started = performance.now()
  const child = fork(file, args, {
    execArgv: flags,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  child.stdout?.on('data', chunk => (output += String(chunk)))
  child.stderr?.on('data', chunk => (output += String(chunk)))
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    output,
    milliseconds: performance.now() - started,
  }))
  const ready = Promise.race([
    once(child, 'message').then(([message]) => message as unknown),
    ended.then(end => Promise.reject(new Error(`It ended early: ${end.output}`))),
  ])
  // A caller that waits only for the end must not get an unhandled rejection.
  ready.catch(() => {})
  return { process: child, ready, ended }
}
