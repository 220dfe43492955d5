import { takesPart, type CheckedOptions } from '../engines/engine-config.ts'
import { EnginelightError, warn } from '../channels/errors.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { isOwners, type Control } from '../dialect/control.ts'
import type { Reading } from '../dialect/texts.ts'
import { ToldLines } from './told-lines.ts'

/** What is used of a session whose statement holds transaction control. */
interface ControlledSession {
  readonly id: string
  readonly engine: { readonly name: string; readonly options: CheckedOptions }
  readonly owner: { readonly runs: number }
  readonly request: { readonly label: string }
  readonly commitRefusal: Error | undefined
}

/** The fields of a statement that hold its text, and that tell whether the server accepts several statements in it. */
interface Texted {
  /** Of a stream that reads through a cursor. */
  readonly cursor?: unknown
  readonly text?: unknown
  readonly values?: unknown
  readonly name?: unknown
}

/**
 * The transaction control in a statement that only the owner of the transaction may send. In a builder's statement only
 * a second statement can be that.
 */
export function controlIn(reading: Reading, config: unknown, isBuilders = false): Control | null {
  if (typeof config === 'string') return reading.ownersControl(config)
  if (typeof config !== 'object' || config === null) return null
  const { text, values, name, cursor } = config as Texted
  if (typeof text !== 'string') return cursor ? controlIn(reading, cursor) : null
  // The server accepts a single statement here, and a builder has made it.
  const isOne = (Array.isArray(values) && values.length > 0) || name !== undefined
  if (isBuilders && (isOne || !text.includes(';'))) return null
  if (!isOne) return reading.ownersControl(text)
  const control = reading.firstControl(text)
  return isOwners(control) ? control : null
}

/**
 * The error for a text that would end a transaction owned by the request, a run, or the code around a savepoint. Where
 * the session could end its transaction itself, the text is sent with a warning.
 */
export function refuseControl(
  session: ControlledSession,
  control: Control,
  capture: SiteCapture | null,
): EnginelightError | undefined {
  const { name, options } = session.engine
  // A borrowed connection's lease decides for itself. In autocommit no transaction of ours is open.
  if (!options.rule.begins) return undefined
  const unit = unitAround(session)
  if (unit === undefined) {
    tellOfText(session, control, capture)
    return undefined
  }
  return new EnginelightError(
    'EL_TRANSACTION_CONTROL',
    `${control.words} as text is refused on session ${session.id} of engine "${name}": ${REASONS[unit]}.`,
    { engine: name, session: session.id, move: control.words },
  )
}

function unitAround(session: ControlledSession): keyof typeof REASONS | undefined {
  const { options } = session.engine
  if (options.transactional) return 'request'
  if (session.owner.runs > 0 && takesPart(options)) return 'run'
  return session.commitRefusal ? 'savepoint' : undefined
}

const REASONS = {
  request:
    'its engine is transactional, so a request behind sessions(…) is committed by itself, and anything else by db.commit()',
  run: 'a run is under way, which commits when its function resolves and rolls back when it throws',
  savepoint: 'a savepoint is open, which would be gone before its function has ended',
}

/** Warnings given already. A text without a known line counts by its engine. */
const told = new ToldLines()

function tellOfText(session: ControlledSession, { ask, words }: Control, capture: SiteCapture | null): void {
  // The server refuses this inside a transaction, and says so.
  if (ask === 'end prepared') return
  const line = siteOf(capture)?.label
  const key = `${line ?? session.engine.name} ${words}`
  if (!told.isNew(key)) return
  const move = ask === 'rollback' ? 'rollback()' : 'commit()'
  warn(
    'EL_TRANSACTION_CONTROL',
    `${words} was sent as text${line === undefined ? '' : ` at ${line}`} on session ${session.id} of engine "${session.engine.name}" (${session.request.label}): ` +
      `it is for this engine alone, its answer is not verified, and no hook is called. Use session.${move}, or db.${move} for all engines.`,
  )
}
