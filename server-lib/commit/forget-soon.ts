import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engines/engine.ts'
import type { TwoPhase } from '../dialect/two-phase.ts'
import { onOwnConnection } from '../sessions/own-connection.ts'
import type { Telling } from './telling.ts'

/** A decision that all participants have carried out. */
interface Carried {
  readonly transaction: string
  readonly telling: Telling
}

/** The decisions to delete on one engine, and the timer for that. */
interface Waiting {
  readonly carried: Carried[]
  readonly timer: NodeJS.Timeout
}

/** How long a row waits for others: under load one statement then deletes many. */
const TOGETHER_MS = 20
const DELETE_DEADLINE_MS = 5_000

const waiting = new WeakMap<Engine, Waiting>()
/** A joint delete belongs to no request, and a timer would keep the first one's context. */
const outside = AsyncLocalStorage.snapshot()

/**
 * Deletes a decision that all participants have carried out, shortly after its commit was answered. A row that stays,
 * because the process ends before or the database is away, costs a few bytes until recovery deletes it.
 */
export function forgetSoon(engine: Engine, transaction: string, telling: Telling): void {
  const known = waiting.get(engine)
  if (known) return void known.carried.push({ transaction, telling })
  const timer = outside(() => setTimeout(() => void forgetNow(engine), TOGETHER_MS))
  // Keeps no process alive.
  timer.unref()
  waiting.set(engine, { carried: [{ transaction, telling }], timer })
}

/** Deletes at once the decisions waiting on this engine; undefined where there are none. Never rejects. */
export function forgetNow(engine: Engine): Promise<void> | undefined {
  const found = waiting.get(engine)
  if (!found) return undefined
  clearTimeout(found.timer)
  waiting.delete(engine)
  const { carried } = found
  const { deleteDecisions } = engine.dialect.twoPhase as TwoPhase
  const statement = deleteDecisions(carried.map(({ transaction }) => transaction))
  const deleted = outside(() =>
    onOwnConnection(engine, performance.now() + DELETE_DEADLINE_MS, async ({ send }) => {
      await send(statement)
    }),
  )
  const told = carried.map(({ telling }) =>
    telling.step(engine.name, 'forget', () => deleted.then(() => 'DELETE' as const)),
  )
  return Promise.allSettled(told).then(() => {})
}
