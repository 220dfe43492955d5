import { EnginelightError, warn } from '../../channels/errors.ts'
import { siteOf, type SiteCapture } from '../../identity/site.ts'
import { ToldLines } from '../told-lines.ts'
import type { TurnAsker } from './turn-asker.ts'
import type { Unit, UnitSession } from './unit.ts'

const at = (capture: SiteCapture | null): string => {
  const label = siteOf(capture)?.label
  return label === undefined ? '' : ` at ${label}`
}

const on = (session: UnitSession | undefined): string =>
  session ? ` on session ${session.id} of engine "${session.engine.name}"` : ''

const numbers = (session: UnitSession | undefined) =>
  session ? { engine: session.engine.name, session: session.id } : {}

/** A unit as errors name it: what made it, and from which line. */
export const described = ({ what, capture, isLent, since }: Unit): string =>
  `${what}${isLent ? `, sent ${Math.round(performance.now() - since)} ms ago` : ''}${at(capture)}`

/** The error for statements from the context of a unit that was undone. */
export function unitUndone(unit: Unit, session: UnitSession | undefined): EnginelightError {
  return new EnginelightError(
    'EL_ENDED',
    `The ${described(unit)} was undone${on(session)}: what is sent from inside of it afterwards is refused.`,
    { ...numbers(session), cause: unit.brokenBy },
  )
}

/** The transaction around a unit was ended while its function ran. */
export function unitGone(unit: Unit, session: UnitSession): EnginelightError {
  const { name } = session.engine
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `The transaction of engine "${name}" was ended inside of a savepoint, which is gone with it: ${described(unit)}.`,
    { ...numbers(session), move: unit.what, legalMoves: [] },
  )
}

/** A rollback has undone a unit while its function ran. */
export function unitBroken(unit: Unit): EnginelightError {
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `What was done in ${described(unit)} was rolled back before its function had ended.`,
    { ...numbers(unit.session), move: unit.what, legalMoves: [], cause: unit.brokenBy },
  )
}

/** The error for waiting behind a unit that does nothing, or that itself waits for this call. */
export function waitedInVain(asker: TurnAsker, ahead: readonly Unit[], stillMs: number): EnginelightError {
  const [unit] = ahead
  const waitedMs = Math.round(stillMs)
  const why =
    stillMs === 0
      ? 'which waits for this one itself'
      : `in which nothing has run for ${waitedMs} ms. The function may be waiting for this one`
  return new EnginelightError(
    'EL_SAVEPOINT_WAITED',
    `${asker.what}${at(asker.capture)}${on(asker.session)} was not sent: it comes from outside of ${unit ? described(unit) : 'a savepoint'}, ${why}. ` +
      'Send it from inside of the function, or by the handle that the function is given.',
    { ...numbers(asker.session), waitedMs },
  )
}

/** A library waited too long for its turn, or another caller waited too long for a library. */
export function waitedForTurn(
  { what, session }: Pick<TurnAsker, 'what' | 'session'>,
  unit: Unit | undefined,
  waitMs: number,
): EnginelightError {
  const taken = unit ? described(unit) : 'another statement'
  return new EnginelightError(
    'EL_CHECKOUT_TIMEOUT',
    `${what} waited ${waitMs} ms for its turn${on(session)}, which is taken by ${taken}. ` +
      'Side by side they run one after the other; one that is inside of the other must be nested by the same means, as tx.transaction() is.',
    { ...numbers(session), waitedMs: waitMs },
  )
}

/** The error for a commit while a unit is open. */
export function unitIsOpen(unit: Unit, who: string, session?: UnitSession): EnginelightError {
  const which = unit.ownership === 'lent' ? 'the transaction of a library' : 'a savepoint'
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `commit() is not possible ${who} while ${which} is open: ${described(unit)} is not ended yet. Await it first.`,
    { ...numbers(session), state: 'in a savepoint', move: 'commit()', legalMoves: ['rollback'] },
  )
}

/** A unit that only its handle can end is still open after the function around it has ended. */
export function leftOpen(inner: Unit, unit: Unit): EnginelightError {
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `The function of ${described(unit)} has ended, and ${described(inner)} inside of it has not: everything since was undone.`,
    { ...numbers(unit.session), move: unit.what, legalMoves: [] },
  )
}

const told = new ToldLines()

/** Warns, once for each line, that a statement went into a unit owned by a handle. */
export function tellInside(unit: Unit, capture: SiteCapture | null): void {
  const line = siteOf(capture)?.label ?? 'an unknown line'
  if (!told.isNew(line)) return
  warn(
    'EL_SENT_INSIDE',
    `A statement of the session at ${line} was sent while ${described(unit)} is open: it belongs to that, and is undone with it.`,
  )
}
