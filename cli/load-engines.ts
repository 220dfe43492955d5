import { existsSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engines } from '../server-lib/index.ts'
import { shownMessage } from '../server-lib/channels/shown-message.ts'
import { UsageError } from './usage.ts'

/** What the commands need of the engines, whichever they are. */
export type AnyEngines = Pick<Engines<any>, 'names' | 'open' | 'install' | 'recovery' | 'close'>

/** The engines that a module exports, as `engines` or by default, or that its function makes. Throws a UsageError where there are none. */
export async function loadEngines(file: string): Promise<AnyEngines> {
  const path = resolve(file)
  if (!existsSync(path)) throw new UsageError(`There is no file ${path}.`)
  const loaded = await inTime(imported(path), path)
  const { default: byDefault } = loaded as { default?: { engines?: unknown } }
  const exported = [loaded.engines, byDefault?.engines, byDefault].find(isSomething)
  if (exported === undefined) {
    throw new UsageError(`${path} exports no engines: export them as "engines" or by default.`)
  }
  const engines = typeof exported === 'function' ? await inTime(calledOf(exported), path) : exported
  if (isEngines(engines)) return engines
  throw new UsageError(
    `What ${path} exports as engines is not made by createEngines() of this version of enginelight.`,
  )
}

const calledOf = async (make: unknown) => (make as () => unknown)()

/** How long a module may take to load: one that waits for something that never comes keeps the process for ever. */
const LOADING_MS = 30_000

/**
 * Waits for a module, or for the function that it exports. Node ends a process that has nothing left to do but wait, without a
 * word; so does this, with one.
 */
async function inTime<T>(loading: Promise<T>, path: string): Promise<T> {
  const sentence = `${path} never finished loading: it awaits something that does not come.`
  const onExit = () => {
    writeSync(2, `enginelight: ${sentence}\nSee enginelight --help.\n`)
    process.exitCode = 2
  }
  process.once('exit', onExit)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new UsageError(sentence)), LOADING_MS).unref()
  })
  try {
    return await Promise.race([loading, late])
  } finally {
    clearTimeout(timer)
    process.removeListener('exit', onExit)
  }
}

/** What Node says of a file in TypeScript that it cannot load: of the ending, of the syntax, of what needs more than stripping. */
const NOT_LOADED =
  /ERR_UNKNOWN_FILE_EXTENSION|ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX|ERR_INVALID_TYPESCRIPT_SYNTAX/

async function imported(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (cause) {
    if (/\.[cm]?tsx?$/.test(path) && NOT_LOADED.test(String((cause as { code?: unknown }).code))) {
      throw new UsageError(
        `${path} is TypeScript, which Node ${process.versions.node} does not load: give the compiled file, or start with NODE_OPTIONS="--import tsx".`,
        { cause },
      )
    }
    throw new UsageError(`${path} could not be loaded: ${shownMessage(cause)}`, { cause })
  }
}

const isSomething = (value: unknown) =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)

function isEngines(value: unknown): value is AnyEngines {
  if (!isSomething(value)) return false
  const { names, containerFor, open, install, recovery, close } = value as Record<string, unknown>
  const members = [containerFor, open, install, recovery, close]
  return Array.isArray(names) && members.every(member => typeof member === 'function')
}
