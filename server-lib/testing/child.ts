import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Child {
  readonly process: ChildProcess
  /** What it has printed so far. */
  output(): string
  /** Its exit code, or the signal that ended it, when all that it printed is here. */
  readonly ended: Promise<number | string | null>
}

let made = 0

/** Runs a script in a process of its own, which does not outlive the test. There `enginelight` is this package as it was built, which is what users run. */
export async function runScript(source: string, env: Record<string, string>): Promise<Child> {
  const folder = fileURLToPath(new URL('../../.cache/scripts', import.meta.url))
  await mkdir(folder, { recursive: true })
  const file = `${folder}/${process.pid}-${++made}.mjs`
  await writeFile(file, source)
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += String(chunk)))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await rm(file, { force: true })
  })
  const ended = once(child, 'close').then(
    ([code, signal]) => (code as number | null) ?? (signal as string | null),
  )
  return { process: child, output: () => output, ended }
}
