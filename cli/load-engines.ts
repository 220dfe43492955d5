import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engines } from '../server-lib/index.ts'
import { shownMessage } from '../server-lib/shown-message.ts'
import { UsageError } from './usage.ts'

/** What the commands need of the engines, whichever they are. */
export type AnyEngines = Pick<Engines<any>, 'names' | 'open' | 'install' | 'recovery' | 'close'>

/** The engines that a module exports, as `engines` or by default, or that its function makes. Throws a UsageError where there are none. */
export async function loadEngines(file: string): Promise<AnyEngines> {
  const path = resolve(file)
  if (!existsSync(path)) throw new UsageError(`There is no file ${path}.`)
  const loaded = await imported(path)
  const { default: byDefault } = loaded as { default?: { engines?: unknown } }
  const exported = [loaded.engines, byDefault?.engines, byDefault].find(isSomething)
  if (exported === undefined) {
    throw new UsageError(`${path} exports no engines: export them as "engines" or by default.`)
  }
  const engines: unknown = typeof exported === 'function' ? await (exported as () => unknown)() : exported
  if (isEngines(engines)) return engines
  throw new UsageError(
    `What ${path} exports as engines is not made by createEngines() of this version of enginelight.`,
  )
}

async function imported(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (cause) {
    throw new UsageError(`${path} could not be loaded: ${shownMessage(cause)}`, { cause })
  }
}

const isSomething = (value: unknown) =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)

function isEngines(value: unknown): value is AnyEngines {
  if (!isSomething(value)) return false
  const { open, install, recovery, close } = value as Record<string, unknown>
  return [open, install, recovery, close].every(member => typeof member === 'function')
}
