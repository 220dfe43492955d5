import { captureSite } from '../../identity/site.ts'
import type { SessionCore } from '../session.ts'
import type { SessionOwner } from '../session-owner.ts'
import { inUnit } from './in-unit.ts'
import { unitFor, unitOfContainer } from './inside.ts'
import { enter } from './place.ts'
import { Unit } from './unit.ts'
import { lineUp } from './wait.ts'

/**
 * Runs a function inside a savepoint of one session: kept when it resolves, undone when it throws; the transaction goes
 * on either way. Savepoints side by side run one after the other, because PostgreSQL only knows nested ones.
 */
export async function runSavepoint<T>(
  session: SessionCore,
  fn: (unit: Unit) => Promise<T> | T,
  handle: Unit | undefined,
): Promise<T> {
  const capture = captureSite()
  session.requireTransactions('savepoint()')
  const { owner } = session
  const unit = new Unit({
    owner,
    session,
    outer: unitFor(handle),
    ownership: 'function',
    capture,
    what: 'savepoint()',
  })
  try {
    await enter(unit, session)
  } catch (error) {
    unit.move('undo')
    throw error
  }
  return inUnit(unit, () => fn(unit))
}

/**
 * Runs a function inside a savepoint on every engine of a container that it touches: kept on all when it resolves,
 * undone on all when it throws. An engine's savepoint is set before the function's first statement there.
 */
export function runContainerSavepoint<T>(
  owner: SessionOwner,
  fn: (unit: Unit) => Promise<T> | T,
  handle: Unit | undefined,
): Promise<T> {
  const capture = captureSite()
  const from = unitFor(handle)
  return new Promise((resolve, reject) => {
    const { turns } = unitOfContainer(owner, from) ?? owner.unitsOf()
    const asked = { owner, outer: from, ownership: 'function', capture, what: 'db.savepoint()' } as const
    const unit = new Unit(asked)
    const refuse = (error: Error) => {
      unit.move('undo')
      reject(error)
    }
    const start = (done: () => void) => {
      if (!unit.move('open')) {
        reject(unit.brokenBy)
        return done()
      }
      inUnit(unit, () => fn(unit))
        .then(resolve, reject)
        .finally(done)
    }
    lineUp(
      turns,
      { holder: { fifo: unit.turns, unit }, refuse, start },
      { ...asked, from, session: undefined, isLent: false },
    )
  })
}
