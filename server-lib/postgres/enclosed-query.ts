import { bytesOf, queryClassOf, type PgQuery, type QueryClass, type Wire } from './beginning-query.ts'
import type { DriverCallback } from '../dialect/result.ts'
import type { Enclosure } from '../dialect/statement.ts'
import type { PgClient, Submittable } from './driver.ts'
import type { SingleStatement } from './single-statement.ts'

type EnclosedQueryClass = new (
  statement: SingleStatement,
  callback: DriverCallback,
  enclosure: Enclosure,
) => PgQuery

const classes = new WeakMap<QueryClass, EnclosedQueryClass>()

/**
 * Makes a statement that is sent in the middle of others, in one packet and one round trip; undefined where the driver is not
 * one that we know to speak the protocol itself. There is one Sync for all: after the first that fails the server skips the rest.
 * Only for a single statement without a name.
 */
export function enclosedQuery(
  driver: PgClient,
  statement: SingleStatement,
  callback: DriverCallback,
  enclosure: Enclosure,
): Submittable | undefined {
  const Query = queryClassOf(driver)
  if (!Query) return undefined
  let Enclosed = classes.get(Query)
  if (!Enclosed) classes.set(Query, (Enclosed = defineEnclosed(Query)))
  return new Enclosed(statement, callback, enclosure)
}

/** Made by `enclosedQuery`. */
export function isEnclosedQuery(config: unknown): config is Submittable {
  return typeof config === 'object' && config !== null && ENCLOSED in config
}

const ENCLOSED = Symbol('enclosed')

function defineEnclosed(Query: QueryClass): EnclosedQueryClass {
  return class extends Query {
    readonly [ENCLOSED] = true
    readonly #enclosure: Enclosure
    /** How many answers are still to come before the statement's own. */
    #due: number
    #isAnswered = false

    constructor(statement: SingleStatement, callback: DriverCallback, enclosure: Enclosure) {
      const { text, values, rowMode, types } = statement
      super({ text, values, rowMode, types }, undefined, callback)
      this.#enclosure = enclosure
      this.#due = enclosure.before.length
    }

    /** Without parameters pg would take the protocol of one message for each statement, which is skipped for no error. */
    override requiresPreparation(): boolean {
      return true
    }

    override submit(connection: Wire): unknown {
      const { before, behind } = this.#enclosure
      const { stream } = connection
      const write = (texts: readonly string[]) => {
        if (stream.writable) stream.write(bytesOf(connection, texts, false))
      }
      // Where pg writes its Sync, what stands behind the statement has to go before.
      const sync = () => {
        write(behind)
        connection.sync()
      }
      stream.cork?.()
      try {
        write(before)
        return super.submit(Object.create(connection, { sync: { value: sync } }))
      } finally {
        stream.uncork?.()
      }
    }

    override handleCommandComplete(message: unknown, connection: unknown): void {
      if (this.#due > 0) {
        this.#due--
        return
      }
      if (this.#isAnswered) return
      this.#isAnswered = true
      super.handleCommandComplete?.(message, connection)
    }

    /** Of a text without a statement, in the place of its command tag. */
    override handleEmptyQuery(connection: unknown): void {
      this.#isAnswered = true
      super.handleEmptyQuery(connection)
    }
  }
}
