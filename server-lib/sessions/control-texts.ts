import { takesPart, type CheckedOptions } from '../engines/engine-config.ts'
import { EnginelightError, warn } from '../channels/errors.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Submittable } from '../postgres/driver.ts'
import { firstControl, isOwners, ownersControl, type Control } from '../postgres/read-control.ts'
import { ToldLines } from './told-lines.ts'

/** A session whose statement holds such a text. */
interface ControlledSession {
  readonly id: string
  readonly engine: { readonly name: string; readonly options: CheckedOptions }
  readonly owner: { readonly runs: number }
  readonly request: { readonly label: string }
  readonly commitRefusal: Error | undefined
}

/** The parts of what pg sends that say which text it is, and whether the server takes more than one statement of it. */
interface Texted extends Pick<Submittable, 'cursor'> {
  readonly text?: unknown
  readonly values?: unknown
  readonly name?: unknown
}

/** What in a statement is for whoever owns its transaction. Of what a builder made only a second statement can be. */
export function controlIn(config: unknown, isBuilders = false): Control | null {
  if (typeof config === 'string') return ownersControl(config)
  if (typeof config !== 'object' || config === null) return null
  const { text, values, name, cursor } = config as Texted
  if (typeof text !== 'string') return cursor ? controlIn(cursor) : null
  // The server takes one statement, and a builder has made it.
  const isOne = (Array.isArray(values) && values.length > 0) || name !== undefined
  if (isBuilders && (isOne || !text.includes(';'))) return null
  if (!isOne) return ownersControl(text)
  const control = firstControl(text)
  return isOwners(control) ? control : null
}

/**
 * Why a text that ends the transaction is not sent: that belongs to the request, to a run, or to what is around a savepoint. Where
 * the session could end it itself the text is sent, and a warning tells of it.
 */
export function refuseControl(
  session: ControlledSession,
  control: Control,
  capture: SiteCapture | null,
): EnginelightError | undefined {
  const { name, options } = session.engine
  // Of a borrowed connection the lease decides. In autocommit no transaction of ours is open.
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

/** Lines that have been told of. What has none is one line. */
const told = new ToldLines()

function tellOfText(session: ControlledSession, { ask, words }: Control, capture: SiteCapture | null): void {
  // The server refuses that within a transaction, and says so.
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
