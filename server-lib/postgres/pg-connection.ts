import type { Beginning, DriverConnection } from '../dialect/connection.ts'
import type { Language } from '../dialect/language.ts'
import { onReady } from '../dialect/ready.ts'
import type { Failure } from '../dialect/errors.ts'
import type { DriverCallback } from '../dialect/result.ts'
import {
  EnclosedStatement,
  isTextAndValues,
  type Enclosure,
  type TextAndValues,
} from '../dialect/statement.ts'
import type { StatementWatch } from '../dialect/statement-watch.ts'
import type { DriverStream } from '../dialect/stream.ts'
import type { TransactionStatus } from '../dialect/transaction-status.ts'
import { bindListeners } from './bind-listeners.ts'
import { beginningQuery, canBringBegin } from './beginning-query.ts'
import { cancelStatement, type Cancelling } from './cancel.ts'
import { forgetPrepared, isClosed, type Listener, type PgClient } from './driver.ts'
import { enclosedQuery } from './enclosed-query.ts'
import { sendEnclosed } from './enclosed-statement.ts'
import { endWithin } from './goodbye.ts'
import { singleStatement } from './single-statement.ts'
import { failureOn } from './sqlstate.ts'
import { watchStatements } from './watch-statements.ts'
import { canTellStatus, followStatus, statusOf, whenStatusKnown } from './transaction-status.ts'

/** A client of pg, as the rest of Enginelight speaks to it. */
export class PgConnection implements DriverConnection {
  readonly dialect: Language
  readonly raw: PgClient
  readonly borrowed = undefined

  constructor(dialect: Language, client: PgClient) {
    this.dialect = dialect
    this.raw = client
  }

  /** The backend's process id, as the server announced it (behind a pooler it is the pooler's). */
  get serverId(): number | null {
    return this.raw.processID ?? null
  }

  get status(): TransactionStatus {
    return statusOf(this.raw)
  }

  get canTellStatus(): boolean {
    return canTellStatus(this.raw)
  }

  get isReady(): boolean {
    return this.raw.readyForQuery !== false
  }

  get isClosed(): boolean {
    return isClosed(this.raw)
  }

  /** pg-native throws after it has made the stream its active statement, and answers nothing ever after. */
  get takesStreams(): boolean {
    return this.raw.native === undefined
  }

  send(statement: unknown, answer: DriverCallback): void {
    // pg copies a config property by property, but takes a text and its values as they are.
    if (isTextAndValues(statement)) this.raw.query(statement.text, statement.values, answer)
    else if (statement instanceof EnclosedStatement) sendEnclosed(this.raw, statement, answer)
    else this.raw.query(statement, answer)
  }

  stream(stream: DriverStream): void {
    this.raw.query(stream)
  }

  canBringBegin(statement: unknown, isSingle: boolean): statement is TextAndValues {
    return canBringBegin(this.raw, statement, isSingle)
  }

  sendWithBegin(statement: TextAndValues, beginning: Beginning, answer: DriverCallback): void {
    this.raw.query(beginningQuery(this.raw, statement, answer, beginning))
  }

  enclosed(args: unknown[], enclosure: Enclosure, answer: DriverCallback): object | undefined {
    const single = singleStatement(args)
    return single && enclosedQuery(this.raw, single, answer, enclosure)
  }

  oneByOne(): () => void {
    return oneByOne(this.raw)
  }

  onReady(ready: (isOpen: boolean) => void): () => void {
    return onReady(this.raw, ready)
  }

  whenStatusKnown(then: () => void, send: (text: string, answered: () => void) => unknown): void {
    whenStatusKnown(this.raw, then, send)
  }

  followStatus(): () => void {
    return followStatus(this.raw)
  }

  /** A function can switch that too, and no text shows it. Servers before 14 do not report it. */
  onWritable(told: (isWritable: boolean) => void): (() => void) | undefined {
    const { connection } = this.raw
    if (!connection?.on) return undefined
    const onSetting = ({
      parameterName,
      parameterValue,
    }: {
      parameterName?: string
      parameterValue?: string
    }) => {
      if (parameterName === 'default_transaction_read_only') told(parameterValue === 'off')
    }
    connection.on('parameterStatus', onSetting)
    return () => void connection.removeListener?.('parameterStatus', onSetting)
  }

  on(event: 'error' | 'end', listener: Listener): void {
    this.raw.on(event, listener)
  }

  off(event: 'error' | 'end', listener: Listener): void {
    this.raw.removeListener(event, listener)
  }

  watchStatements(watch: StatementWatch): () => void {
    return watchStatements(this.raw, watch)
  }

  bindListeners(isOurs: () => boolean, isOwn: boolean): () => void {
    return bindListeners(this.raw, isOurs, isOwn)
  }

  failureOn(error: Error): Failure | 'driver' {
    return failureOn({ isClosed: isClosed(this.raw), isNative: this.raw.native !== undefined }, error)
  }

  traffic(): string | undefined {
    const stream = this.raw.connection?.stream
    return `${stream?.bytesRead} ${stream?.bytesWritten}`
  }

  cancel(over?: Promise<void>, cancelling?: Cancelling): Promise<void> {
    return cancelStatement(this.raw, over, cancelling)
  }

  forgetPrepared(): void {
    forgetPrepared(this.raw)
  }

  end(): void {
    void Promise.resolve(this.raw.end()).catch(() => {})
  }

  endWithin(ms: number): void {
    // pg would wait for the answers to what it has pipelined, and over a silent network for ever.
    if (this.raw.pipeline && this.raw.readyForQuery === false) this.cut()
    else endWithin(this.raw, ms)
  }

  cut(): void {
    this.raw.connection?.stream?.destroy()
  }
}

/** pg refuses a cursor in pipeline mode, so it is off meanwhile. */
export function oneByOne(client: PgClient): () => void {
  if (!client.pipeline) return () => {}
  client.pipeline = false
  return () => void (client.pipeline = true)
}
