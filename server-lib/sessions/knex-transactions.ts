import { captureSite } from '../identity/site.ts'
import type { DriverCallback } from '../dialect/result.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'
import { keep, undo } from './units/in-unit.ts'
import { runAs, unitFor } from './units/inside.ts'
import { enter } from './units/place.ts'
import { Unit } from './units/unit.ts'

type Fn = (trx: Transacting) => unknown
type Transaction = (this: unknown, fn?: Fn | object | null, options?: object) => Promise<Transacting>

/** A knex, or a transaction of it. Its methods delegate to its context. */
interface Transacting {
  readonly context: { transaction: Transaction }
}

/**
 * Makes each transaction of a bound knex, and those nested in it, a unit of the session. With a function, the unit owns
 * what is sent from inside that function; without one, the application holds the unit by its handle.
 */
export function ownTransactions({ context }: Transacting, session: SessionCore, around?: Unit): void {
  const { transaction } = context
  context.transaction = function (...args) {
    session.requireTransactions('knex.transaction()')
    if (!around) session.entersKnexTransaction()
    const [first, second] = args
    const fn = typeof first === 'function' ? (first as Fn) : undefined
    const unit = new Unit({
      owner: session.owner,
      session,
      outer: unitFor(around),
      ownership: fn ? 'function' : 'handle',
      capture: captureSite(),
      what: 'knex.transaction()',
    })
    const owned = (trx: Transacting) => ownTransactions(trx, session, unit)
    // knex uses a connection given here, and does not release it.
    const options = { ...(fn ? second : (first ?? second)), connection: new UnitConnection(session, unit) }
    const inside = (trx: Transacting) => {
      owned(trx)
      return runAs(unit, () => fn?.(trx))
    }
    const begun = Reflect.apply(transaction, this, [fn && inside, options])
    // knex gives up before sending anything when the transaction around it is over.
    const over = () => void (unit.isOver || undo(unit, undefined))
    begun.then(fn ? over : owned, over)
    return begun
  }
}

const CONTROL = /^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) (trx\d+);?$/

/** The connection of one knex transaction: its statements belong to its unit, and its savepoint is the unit's. */
class UnitConnection extends SessionConnection {
  readonly #session: SessionCore
  readonly #unit: Unit

  constructor(session: SessionCore, unit: Unit) {
    super(session, null, unit)
    this.#session = session
    this.#unit = unit
  }

  override query(config: unknown, values?: unknown, callback?: DriverCallback): unknown {
    const answer = typeof values === 'function' ? (values as DriverCallback) : callback
    const control = CONTROL.exec((config as { text?: string }).text ?? '')
    if (!control || !answer) return super.query(config, values, callback)
    this.#move(control[1] as string, control[2] as string).then(
      () => answer(null, ANSWERED),
      (error: Error) => answer(error),
    )
    return undefined
  }

  async #move(move: string, name: string): Promise<void> {
    switch (move) {
      case 'SAVEPOINT':
        return void (await enter(this.#unit, this.#session, name))
      case 'RELEASE SAVEPOINT':
        return keep(this.#unit).catch(async (error: unknown) => {
          await undo(this.#unit, error)
          throw error
        })
      default:
        return undo(this.#unit, undefined)
    }
  }
}

/** knex reads nothing in it. */
const ANSWERED = { command: 'SAVEPOINT', rowCount: null, rows: [], fields: [] } as never
