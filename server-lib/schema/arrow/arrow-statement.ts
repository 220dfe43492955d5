import { EnginelightError } from '../../channels/errors.ts'
import type { DriverCallback } from '../../dialect/result.ts'
import type { DriverStream } from '../../dialect/stream.ts'
import type { Arrow, RecordBatch, Schema } from './arrow-library.ts'
import { DEFAULT_BATCH_ROWS, type ArrowOptions } from './arrow-options.ts'
import { BatchMaker } from './batch-maker.ts'
import { bindMessage, type PreparedValue } from './bind-message.ts'
import type { Described } from './user-types.ts'
import { knownTypes, TypeLookup, unknownTypes, type Asking } from './user-types.ts'
import { WireTap, type MessageEvents } from './wire-tap.ts'

/** The parts of pg's protocol-level connection that we use. */
interface Wire extends MessageEvents, Asking {
  readonly stream: MessageEvents['stream'] & Asking['stream']
  describe(what: { type: 'S'; name: '' }): void
  sync(): void
}

/**
 * `all`: the whole result at once, so that the server may compute it in parallel. `ahead`: one batch before it is
 * wanted.
 */
export type Reading = 'all' | 'ahead'

/**
 * How many times the rows so far the next request may be. The first row is requested alone: row size is not known
 * before, and 64 rows of 10 MB would all be sent.
 */
const GROWTH = 64
/** How many bytes of rows to request at once. */
const ASKED_BYTES = 4 << 20

interface Reader {
  resolve(batch: RecordBatch | undefined): void
  reject(error: unknown): void
}

/**
 * A statement whose rows become record batches as they arrive. It drives the protocol itself: Parse and Describe, to
 * learn the columns; Bind, with a format for each; Execute, once or for each batch; one Sync at the end. If a column
 * may be an array of a type that is new to the connection, it asks for that type between Describe and Bind, and parses
 * again.
 */
export class ArrowStatement implements DriverStream {
  readonly text: string
  readonly values: PreparedValue[]
  /** `idle` while the server owes no answer; `done` once nothing more is sent. */
  state: 'initialized' | 'submitted' | 'busy' | 'idle' | 'done' = 'initialized'
  destroyed = false
  rowsTaken = 0
  /** An older pg with a `query_timeout` calls it even if it was not given. */
  callback: DriverCallback = () => {}
  readonly #arrow: Arrow | Promise<Arrow>
  readonly #options: ArrowOptions
  readonly #reading: Reading
  readonly #ended = withResolvers()
  #wire: Wire | undefined
  #tap: WireTap | undefined
  #fields: readonly Described[] = []
  #lookup: TypeLookup | undefined
  #maker: BatchMaker | undefined
  #batches: RecordBatch[] = []
  #readers: Reader[] = []
  #failure: { error: unknown } | undefined
  #isOver = false
  #bytesTaken = 0

  constructor(
    arrow: Arrow | Promise<Arrow>,
    query: { text: string; values: PreparedValue[] },
    options: ArrowOptions,
    reading: Reading,
  ) {
    this.text = query.text
    this.values = query.values
    this.#arrow = arrow
    this.#options = options
    this.#reading = reading
  }

  get schema(): Schema | undefined {
    return this.#maker?.schema
  }

  /** The next batch, or undefined after the last; a result without rows has one empty batch. */
  read(): Promise<RecordBatch | undefined> {
    if (this.#failure) return Promise.reject(this.#failure.error as Error)
    const batch = this.#batches.shift()
    if (batch === undefined && this.#isOver) return Promise.resolve(undefined)
    const answer = batch
      ? Promise.resolve(batch)
      : new Promise<RecordBatch | undefined>(
          (resolve, reject) => void this.#readers.push({ resolve, reject }),
        )
    this.#goOn()
    return answer
  }

  /** Resolves when the turn is over, however it ended. */
  get whenOver(): Promise<void> {
    return this.#ended.promise
  }

  /** The reader has left. Resolves when the connection is free again. */
  stop(): Promise<void> {
    this.destroy()
    return this.#ended.promise
  }

  /** As `stop`; current and later reads get the error. */
  destroy(error?: Error): void {
    this.destroyed = true
    if (error) this.#fail(error)
    if (this.state === 'initialized') return this.#finish()
    this.#sync()
  }

  // ------------------------------------------------------------------------- what the driver calls

  submit(connection: unknown): Error | undefined {
    const wire = connection as Wire
    if (typeof wire.stream?.listeners !== 'function') return notPgs()
    this.#wire = wire
    this.state = 'submitted'
    this.#tap = new WireTap(
      wire,
      (bytes, at) => this.#row(bytes, at),
      () => this.#refuse(noColumns()),
    )
    wire.parse({ text: this.text })
    wire.describe({ type: 'S', name: '' })
    wire.flush()
    return undefined
  }

  handleRowDescription({ fields }: { fields: readonly Described[] }): void {
    const wire = this.#wire
    if (this.state === 'done' || !wire) return
    this.#fields = fields
    const types = unknownTypes(wire, fields)
    if (types.length === 0) return this.#bindWhenLoaded()
    this.state = 'busy'
    this.#lookup = new TypeLookup(wire, types)
  }

  /** Rows come through the tap; this receives what pg still reads after it has ended the statement itself. */
  handleDataRow(): void {}

  handlePortalSuspended(): void {
    if (this.state === 'done') return
    this.state = 'idle'
    this.#goOn()
  }

  handleCommandComplete(): void {
    const lookup = this.#lookup
    if (!lookup || this.state === 'done') return this.#sync()
    lookup.done()
    this.#lookup = undefined
    this.#wire?.parse({ text: this.text })
    this.#bindWhenLoaded()
  }

  handleEmptyQuery(): void {
    this.#sync()
  }

  handleReadyForQuery(): void {
    const maker = this.#maker
    const isWhole = maker && !this.#failure && !this.destroyed
    if (isWhole && (maker.rows > 0 || maker.batches === 0)) this.#hand(maker.take())
    this.#finish()
  }

  handleError(error: Error): void {
    this.#fail(error)
    // After an error the server reads nothing until a Sync, and pg does not pass on the ReadyForQuery that follows.
    this.#sync()
    this.#finish()
  }

  // --------------------------------------------------------------------------------------- its steps

  #bindWhenLoaded(): void {
    const arrow = this.#arrow
    if (!(arrow instanceof Promise)) return this.#bind(arrow)
    // The turn has come before the library has loaded: the server waits for us.
    this.state = 'idle'
    arrow.then(
      loaded => this.#bind(loaded),
      (error: unknown) => this.#refuse(error),
    )
  }

  #bind(arrow: Arrow): void {
    const wire = this.#wire
    if (this.state === 'done' || !wire) return
    // An error thrown here would reach the socket's listener, and end the process.
    try {
      this.#maker = new BatchMaker(arrow, this.#fields, this.#options, knownTypes(wire))
      const formats = this.#maker.columns.map(({ format }) => format)
      wire.stream.write(bindMessage(this.values, formats))
    } catch (error) {
      return this.#refuse(error)
    }
    this.#execute()
  }

  #row(bytes: Buffer, at: number): void {
    const lookup = this.#lookup
    if (!lookup) this.rowsTaken++
    if (this.state !== 'busy') return
    try {
      if (lookup) return lookup.row(bytes, at)
      this.#bytesTaken += bytes.readInt32BE(at - 4)
      const batch = this.#maker?.row(bytes, at)
      if (batch) this.#hand(batch)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #hand(batch: RecordBatch): void {
    const reader = this.#readers.shift()
    if (reader) reader.resolve(batch)
    else this.#batches.push(batch)
  }

  /** Requests more rows if a reader waits, or no batch is ready for the next one. */
  #goOn(): void {
    if (this.state === 'idle' && this.#maker && this.#batches.length === 0) this.#execute()
  }

  #execute(): void {
    this.state = 'busy'
    this.#wire?.execute({ rows: this.#reading === 'all' ? 0 : this.#rowsToAsk() })
    this.#wire?.flush()
  }

  #rowsToAsk(): number {
    const { batchRows = DEFAULT_BATCH_ROWS } = this.#options
    const left = batchRows - (this.#maker?.rows ?? 0)
    if (this.rowsTaken === 0) return 1
    const size = this.#bytesTaken / this.rowsTaken
    const affordable = Math.max(1, Math.floor(ASKED_BYTES / size))
    return Math.min(left, affordable, GROWTH * this.rowsTaken)
  }

  #refuse(error: unknown): void {
    this.#fail(error)
    this.#sync()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#batches = []
    for (const { reject } of this.#readers.splice(0)) reject(error)
  }

  /**
   * Ends the exchange, early or not; what the server still sends is discarded. The portal has no name and so ends with
   * the next statement. Sent once: the answer to a second Sync would go to the next statement.
   */
  #sync(): void {
    if (this.state === 'done') return
    this.state = 'done'
    this.#wire?.sync()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.state = 'done'
    this.#tap?.stop()
    for (const { resolve } of this.#readers.splice(0)) resolve(undefined)
    this.#ended.resolve()
    this.callback((this.#failure?.error as Error | undefined) ?? null)
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>(done => void (resolve = done))
  return { promise, resolve }
}

const noColumns = () =>
  new EnginelightError(
    'EL_CONFIG',
    'The statement has no columns to make a table of, and was not run: give it a RETURNING, or send it with query().',
    { option: 'query' },
  )

const notPgs = () =>
  new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    "toArrow() reads pg's own connections, and this engine's is another driver's.",
  )
