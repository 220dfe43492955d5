import { EventEmitter } from 'node:events'
import type { DriverConnection } from '../../dialect/connection.ts'
import type { Language } from '../../dialect/language.ts'
import type { DriverCallback, DriverResult } from '../../dialect/result.ts'
import { isTextAndValues, type TextAndValues } from '../../dialect/statement.ts'
import type { StatementWatch, ToldStatement } from '../../dialect/statement-watch.ts'
import type { TransactionStatus } from '../../dialect/transaction-status.ts'

/** What is used of a connection of better-sqlite3, or of libsql, which offers the same. */
export interface SqliteDatabase {
  readonly inTransaction: boolean
  readonly open: boolean
  prepare(text: string): SqliteStatement
  close(): void
}

interface SqliteStatement {
  readonly reader: boolean
  all(values?: readonly unknown[]): unknown[]
  run(values?: readonly unknown[]): { changes: number; lastInsertRowid: number | bigint }
}

const NOTHING = () => {}

/** A connection whose calls are synchronous and in process: nothing is ever under way on it, and nothing can be cancelled. */
export class SqliteConnection extends EventEmitter implements DriverConnection {
  readonly dialect: Language
  readonly raw: SqliteDatabase
  readonly serverId = null
  readonly borrowed = undefined
  readonly canTellStatus = true
  readonly isReady = true
  readonly takesStreams = false
  readonly canBringBegin = cannotBringBegin

  constructor(dialect: Language, database: SqliteDatabase) {
    super()
    this.dialect = dialect
    this.raw = database
    const close = database.close.bind(database)
    database.close = () => {
      close()
      this.emit('end')
    }
  }

  get status(): TransactionStatus {
    return this.isClosed ? 'none' : this.raw.inTransaction ? 'open' : 'none'
  }

  get isClosed(): boolean {
    return !this.raw.open
  }

  send(statement: unknown, answer: DriverCallback): void {
    const { text, values } = isTextAndValues(statement)
      ? statement
      : { text: statement as string, values: [] }
    let result: DriverResult | undefined
    let failure: Error | null = null
    try {
      for (const one of text.split('; ')) result = resultOf(this.raw, one, values)
    } catch (error) {
      failure = error as Error
    }
    setImmediate(answer, failure, result)
  }

  sendWithBegin(statement: TextAndValues, _beginning: unknown, answer: DriverCallback): void {
    this.send(statement, answer)
  }

  watchStatements(watch: StatementWatch): () => void {
    const { prepare } = this.raw
    this.raw.prepare = text =>
      watched(Reflect.apply(prepare, this.raw, [text]) as SqliteStatement, text, watch)
    return () => void (this.raw.prepare = prepare)
  }

  failureOn(error: Error): 'statement' | 'connection' {
    return this.isClosed ? 'connection' : this.dialect.errors.failureOf(error)
  }

  whenStatusKnown(then: () => void): void {
    then()
  }

  onReady(ready: (isOpen: boolean) => void): () => void {
    const told = setImmediate(ready, !this.isClosed)
    return () => clearImmediate(told)
  }

  end(): void {
    if (this.raw.open) this.raw.close()
  }

  cut(): void {
    this.end()
  }

  cancel(): Promise<void> {
    return Promise.resolve()
  }

  bindListeners = () => NOTHING
  followStatus = () => NOTHING
  oneByOne = () => NOTHING
  onWritable = () => undefined
  enclosed = () => undefined
  traffic = () => undefined
  stream = NOTHING
  forgetPrepared = NOTHING
  endWithin = NOTHING
}

const cannotBringBegin = (_statement: unknown): _statement is TextAndValues => false

/** The command tag that a server would give: the first word of the text. */
const tagOf = (text: string) => /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? null

function resultOf(database: SqliteDatabase, text: string, values: readonly unknown[]): DriverResult {
  const statement = database.prepare(text)
  const command = tagOf(text)
  if (statement.reader) {
    const rows = statement.all(values)
    return { command, rows, rowCount: rows.length }
  }
  const { changes, lastInsertRowid } = statement.run(values)
  return { command, rows: [], rowCount: changes, lastID: Number(lastInsertRowid) } as DriverResult
}

/** A statement that tells the watch when it is run. */
function watched(statement: SqliteStatement, text: string, watch: StatementWatch): SqliteStatement {
  const telling = <T>(values: readonly unknown[], run: () => T, rowsOf: (result: T) => number): T => {
    if (!watch.sends(1)) return run()
    if (!watch.isHeard) {
      watch.passOver()
      return run()
    }
    const told: ToldStatement = watch.tell({
      text,
      parameters: values.length,
      values: undefined,
      kind: 'query',
    })
    try {
      const result = run()
      told.ended(null, [tagOf(text)], rowsOf(result))
      return result
    } catch (error) {
      told.ended(error as Error, [null], null)
      throw error
    }
  }
  const { reader } = statement
  const all = statement.all.bind(statement)
  const run = statement.run.bind(statement)
  return {
    reader,
    all: (values = []) =>
      telling(
        values,
        () => all(values),
        rows => rows.length,
      ),
    run: (values = []) =>
      telling(
        values,
        () => run(values),
        ({ changes }) => changes,
      ),
  }
}
