import type { Beginning, Begun } from '../dialect/connection.ts'
import type { DriverCallback } from '../dialect/result.ts'
import { isTextAndValues, type TextAndValues } from '../dialect/statement.ts'
import type { PgClient, Submittable } from './driver.ts'

/** A statement that brings the BEGIN of its transaction along. */
export interface BeginningQuery extends Submittable {
  /** What is sent before its own text. */
  readonly beginText: string
  /** Lets whoever watches the connection know how BEGIN went, before the session does. */
  onBegun(told: Begun): void
}

/** pg's own `Query`, by what we use of it. */
export interface PgQuery extends Submittable {
  requiresPreparation(): boolean
  handleEmptyQuery(connection: unknown): void
}

/** pg's protocol-level `Connection`, by the messages that we write. */
export interface Wire {
  readonly stream: {
    readonly writable?: boolean
    cork?(): void
    uncork?(): void
    write(bytes: Uint8Array): unknown
  }
  parse(statement: { text: string }): void
  bind(portal: object): void
  execute(portal: object): void
  flush(): void
  sync(): void
}

export type QueryClass = new (
  config: string | object,
  values: unknown[] | undefined,
  callback: DriverCallback,
) => PgQuery
type BeginningQueryClass = new (
  statement: TextAndValues,
  callback: DriverCallback,
  beginning: Beginning,
) => BeginningQuery & PgQuery

const classes = new WeakMap<QueryClass, BeginningQueryClass>()

/**
 * Whether a statement can bring BEGIN along: a text and its parameters, or one that is known to be a single statement, for the
 * protocol that sends several with one Sync takes no text of several. One with a name must not: pg would take it for prepared
 * when BEGIN is answered.
 */
export function canBringBegin(driver: PgClient, config: unknown, isSingle: boolean): config is TextAndValues {
  if (!isTextAndValues(config) || !queryClassOf(driver)) return false
  return config.text !== '' && (isSingle || config.values.length > 0) && driver.readyForQuery !== false
}

/**
 * Makes a statement that is sent together with its BEGIN, in one packet and one round trip. There is one Sync for all: should BEGIN
 * fail, the server skips what follows up to that, so the statement never runs outside of a transaction, and may as well be a
 * write. A Flush behind BEGIN has it answered at once, however long the statement then takes.
 */
export function beginningQuery(
  driver: PgClient,
  statement: TextAndValues,
  callback: DriverCallback,
  beginning: Beginning,
): BeginningQuery {
  const Query = queryClassOf(driver) as QueryClass
  let Beginner = classes.get(Query)
  if (!Beginner) classes.set(Query, (Beginner = defineBeginner(Query)))
  return new Beginner(statement, callback, beginning)
}

export function isBeginningQuery(config: unknown): config is BeginningQuery {
  return typeof config === 'object' && config !== null && 'onBegun' in config
}

/** By the class of connections. */
const queryClasses = new WeakMap<object, QueryClass | null>()

/** The class of statements of whichever pg made the connection; undefined for a driver that does not speak the protocol itself. */
export function queryClassOf(driver: PgClient): QueryClass | undefined {
  let known = queryClasses.get(driver.constructor)
  // One that has no wire yet says nothing of its kind.
  if (known === undefined && driver.connection)
    queryClasses.set(driver.constructor, (known = findQueryClass(driver) ?? null))
  return known ?? undefined
}

function findQueryClass(driver: PgClient): QueryClass | undefined {
  const { Query } = driver.constructor as { Query?: QueryClass }
  if (typeof Query !== 'function' || !speaks(driver.connection)) return undefined
  return typeof (Query.prototype as PgQuery).requiresPreparation === 'function' ? Query : undefined
}

const speaks = (wire: object | undefined) =>
  ['parse', 'bind', 'execute', 'flush'].every(
    message => typeof (wire as Record<string, unknown> | undefined)?.[message] === 'function',
  )

/** By the very list of texts: an engine has a few of them, and its transactions all begin with one. */
const bytesByTexts = new WeakMap<readonly string[], Uint8Array>()

/** What pg writes for these statements, with a Flush behind them unless something else has them answered. */
export function bytesOf(wire: Wire, texts: readonly string[], flushed = true): Uint8Array {
  const known = bytesByTexts.get(texts)
  if (known) return known
  const written: Uint8Array[] = []
  const write = (bytes: Uint8Array) => void written.push(bytes)
  // pg's own methods, with a stream that keeps what they write.
  const recorder = Object.create(wire, { stream: { value: { writable: true, write } } }) as Wire
  for (const text of texts) {
    recorder.parse({ text })
    recorder.bind({})
    recorder.execute({})
  }
  if (flushed) recorder.flush()
  const bytes = Buffer.concat(written)
  bytesByTexts.set(texts, bytes)
  return bytes
}

function defineBeginner(Query: QueryClass): BeginningQueryClass {
  return class extends Query implements BeginningQuery {
    readonly #beginning: Beginning
    /** How many of the beginning's answers are still to come; below zero when it has failed. */
    #due: number
    #isSubmitting = false
    /** Why pg cannot send the statement, told when BEGIN is answered: by then that has a Sync behind it, too. */
    #unsendable: Error | undefined
    #watcher: Begun | undefined

    constructor({ text, values }: TextAndValues, callback: DriverCallback, beginning: Beginning) {
      super(text, values, callback)
      this.#beginning = beginning
      this.#due = beginning.texts.length
    }

    /** Without parameters pg would take the protocol of one message for each statement, which is skipped for no error. */
    override requiresPreparation(): boolean {
      return true
    }

    get beginText(): string {
      return this.#beginning.texts.join('; ')
    }

    onBegun(told: Begun): void {
      this.#watcher = told
    }

    override submit(connection: Wire): unknown {
      const { stream } = connection
      this.#isSubmitting = true
      stream.cork?.()
      try {
        if (stream.writable) stream.write(bytesOf(connection, this.#beginning.texts))
        return super.submit(connection)
      } finally {
        stream.uncork?.()
        this.#isSubmitting = false
      }
    }

    override handleCommandComplete(message: unknown, connection: unknown): void {
      if (this.#due <= 0) return super.handleCommandComplete?.(message, connection)
      if (--this.#due > 0) return
      this.#tell(null)
      if (this.#unsendable) super.handleError?.(this.#unsendable, connection)
    }

    override handleError(error: Error, connection: unknown): void {
      if (this.#isSubmitting) {
        this.#unsendable = error
        return
      }
      if (this.#due > 0) {
        this.#due = -1
        this.#tell(error)
      }
      super.handleError?.(error, connection)
    }

    #tell(error: Error | null): void {
      this.#watcher?.(error)
      this.#beginning.begun(error)
    }
  }
}
