import { startDeadline } from '../../clock/deadline.ts'
import type { SiteCapture } from '../../identity/site.ts'
import type { Turn } from '../fifo.ts'
import { isInside } from './inside.ts'
import { tellInside, waitedForTurn, waitedInVain } from './unit-errors.ts'
import type { TurnAsker } from './turn-asker.ts'
import type { Unit, UnitQueue, UnitTurn, Wait } from './unit.ts'

/** The innermost queue for a statement: statements sent while a unit owned by a handle is open belong to that unit. */
export function within(
  queue: UnitQueue,
  from: Unit | undefined,
  whose: 'statement' | 'unit',
  capture: SiteCapture | null,
): UnitQueue {
  for (let { holder } = queue; holder && isOpenTo(holder.unit, whose); { holder } = queue) {
    if (!isInside(from, holder.unit)) tellInside(holder.unit, capture)
    queue = holder.fifo
  }
  return queue
}

function isOpenTo({ ownership }: Unit, whose: 'statement' | 'unit'): boolean {
  switch (ownership) {
    case 'function':
      return false
    case 'handle':
      return true
    case 'lent':
      return whose === 'statement'
    default:
      return ownership satisfies never
  }
}

/**
 * Pushes a turn that may have to wait for units. Refuses it with EL_SAVEPOINT_WAITED when such a unit waits for the
 * unit that asks, or has done nothing for too long: its function may be waiting for this very turn.
 */
export function lineUp(queue: UnitQueue, turn: Turn<UnitTurn>, asker: TurnAsker): void {
  if (!queue.hasHolders) return queue.push(turn)
  const ahead = queue.holders().map(({ unit }) => unit)
  const chain = unitsFrom(asker.from)
  if (ahead.some(unit => waitsFor(unit, chain))) return turn.refuse(waitedInVain(asker, ahead, 0))
  const wait: Wait = { ahead }
  for (const unit of chain) unit.waits.add(wait)
  let isRefused = false
  const over = () => {
    deadline.stop()
    for (const unit of chain) unit.waits.delete(wait)
  }
  const refuse = (error: Error) => {
    isRefused = true
    over()
    turn.refuse(error)
  }
  const since = performance.now()
  const look = () => {
    const unit = queue.holder?.unit
    const waitMs = waitMsOf(asker, unit)
    if (asker.isLent || unit?.ownership === 'lent') {
      const waitedMs = performance.now() - since
      if (waitedMs < waitMs) return again(waitMs - waitedMs)
      return refuse(waitedForTurn(asker, unit, waitMs))
    }
    if (!unit || unit.isAlive()) return again(waitMs)
    const stillMs = performance.now() - Math.max(since, unit.lastActiveAt)
    if (stillMs < waitMs) return again(waitMs - stillMs)
    refuse(waitedInVain(asker, [unit], stillMs))
  }
  const again = (ms: number) => void (deadline = startDeadline(ms, look))
  let deadline = startDeadline(waitMsOf(asker, ahead[0]), look)
  queue.push({
    ...(turn.holder && { holder: turn.holder }),
    refuse,
    start: done => {
      if (isRefused) return done()
      over()
      turn.start(done)
    },
  })
}

function waitMsOf({ session, owner }: TurnAsker, holder: Unit | undefined): number {
  return (session ?? holder?.session)?.engine.options.checkoutTimeoutMs ?? owner.unitsOf().waitMs
}

/** The units that the asking code is inside of. A unit whose function is over waits for nothing any more. */
function unitsFrom(from: Unit | undefined): Unit[] {
  const units: Unit[] = []
  for (let unit = from; unit; unit = unit.outer)
    if (unit.state === 'open' || unit.state === 'waiting') units.push(unit)
  return units
}

/** Whether a unit is one of these, or waits for one of them. */
function waitsFor(unit: Unit, ones: readonly Unit[], seen = new Set<Unit>()): boolean {
  if (ones.includes(unit)) return true
  if (seen.has(unit) || unit.isOver) return false
  seen.add(unit)
  for (const { ahead } of unit.waits) if (ahead.some(one => waitsFor(one, ones, seen))) return true
  return false
}
