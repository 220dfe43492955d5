import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engines/engine.ts'
import { deleteDecisions } from '../postgres/two-phase/decision.ts'
import { onOwnConnection } from '../sessions/own-connection.ts'
import type { Telling } from './telling.ts'

/** A decision that everybody has carried out. */
interface Carried {
  readonly transaction: string
  readonly telling: Telling
}

/** What is to be deleted on one engine, and by when. */
interface Waiting {
  readonly carried: Carried[]
  readonly timer: NodeJS.Timeout
}

/** How long a row may wait for others: under load one statement then deletes many. */
const TOGETHER_MS = 20
const DELETE_DEADLINE_MS = 5_000

const waiting = new WeakMap<Engine, Waiting>()
/** What is deleted together belongs to no request, and a timer would keep the first one's context. */
const outside = AsyncLocalStorage.snapshot()

/**
 * Deletes a decision that everybody has carried out, a moment later, when its commit has long been answered. A row that
 * stays, since the process ends before or the database is away, costs a few bytes until recovery takes it away.
 */
export function forgetSoon(engine: Engine, transaction: string, telling: Telling): void {
  const known = waiting.get(engine)
  if (known) return void known.carried.push({ transaction, telling })
  const timer = outside(() => setTimeout(() => void forgetNow(engine), TOGETHER_MS))
  // It keeps no process alive.
  timer.unref()
  waiting.set(engine, { carried: [{ transaction, telling }], timer })
}

/** Deletes at once what waits on this engine; undefined where nothing does. Never rejects. */
export function forgetNow(engine: Engine): Promise<void> | undefined {
  const found = waiting.get(engine)
  if (!found) return undefined
  clearTimeout(found.timer)
  waiting.delete(engine)
  const { carried } = found
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
