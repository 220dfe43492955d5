import { EnginelightError } from '../../channels/errors.ts'
import { startDeadline } from '../../clock/deadline.ts'
import type { Engine } from '../../engines/engine.ts'
import { captureSite, type SiteCapture } from '../../identity/site.ts'
import type { SessionCore } from '../../sessions/session.ts'
import { loadArrow, type RecordBatch, type Table } from './arrow-library.ts'
import { checkArrow, type ArrowOptions } from './arrow-options.ts'
import { prepare, type ArrowQuery, type Prepared } from './arrow-query.ts'
import { ArrowStatement, type Reading } from './arrow-statement.ts'
import type { PreparedValue } from './bind-message.ts'

/** How long rows already on their way may take after an abort, before the server is told to cancel. */
const ABORT_GRACE_MS = 100

/**
 * Runs a session's query and returns the result as a table of Apache Arrow, read off the wire without a JavaScript
 * value for each cell. It runs in the session's turn and transaction, like any statement of the session. Column names
 * are the server's: knex's `postProcessResponse` is not called, and two columns of one name stay two columns.
 *
 * Rejects with the server's error; with EL_ARROW_VALUE for a value that its Arrow type cannot represent, instead of
 * changing the value; with EL_CONFIG and EL_MISSING_PEER before anything is sent.
 */
export async function toArrow(query: ArrowQuery, options: ArrowOptions = {}): Promise<Table> {
  const capture = captureSite(undefined, toArrow)
  checkArrow(options)
  const statement = await run(prepare(query), options, 'all', capture)
  const batches: RecordBatch[] = []
  for (let batch = await statement.read(); batch; batch = await statement.read()) batches.push(batch)
  const { Table } = await loadArrow()
  return new Table(statement.schema as never, batches)
}

/**
 * The same, batch by batch, for results that do not fit in memory: the next batch is requested as one is taken. A
 * result without rows is one batch without rows, so its schema is still known. The session's other statements wait
 * until the result is read to its end or left with `break`.
 */
export function arrowBatches(
  query: ArrowQuery,
  options: ArrowOptions = {},
): AsyncGenerator<RecordBatch, void, void> {
  const capture = captureSite(undefined, arrowBatches)
  checkArrow(options)
  return batchesOf(prepare(query), options, capture)
}

async function* batchesOf(
  prepared: Prepared,
  options: ArrowOptions,
  capture: SiteCapture,
): AsyncGenerator<RecordBatch, void, void> {
  const statement = await run(prepared, options, 'ahead', capture)
  try {
    for (let batch = await statement.read(); batch; batch = await statement.read()) yield batch
  } finally {
    await statement.stop()
  }
}

/** Takes its place in the session's queue before it returns, if the session is known by then. */
function run(
  { text, values, core: find }: Prepared,
  options: ArrowOptions,
  reading: Reading,
  capture: SiteCapture,
): ArrowStatement | Promise<ArrowStatement> {
  const { signal } = options
  signal?.throwIfAborted()
  const submit = (core: SessionCore) => {
    const query = { text, values: preparedFor(core.engine, values) }
    const statement = new ArrowStatement(loadArrow(), query, options, reading)
    if (signal) stopAt(signal, statement, core)
    core.submit({ stream: statement, capture })
    return statement
  }
  const core = find()
  return core instanceof Promise ? core.then(submit) : submit(core)
}

/** Prepared by the driver's own rules for dates, arrays and objects, as `query()` would. */
function preparedFor({ name, dialect }: Engine, values: readonly unknown[]): PreparedValue[] {
  const { binaryRows, title } = dialect
  if (binaryRows) return values.map(value => binaryRows.prepareValue(value))
  throw new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `toArrow() reads the binary rows of PostgreSQL, and engine "${name}" is on ${title}.`,
    { engine: name },
  )
}

function stopAt(signal: AbortSignal, statement: ArrowStatement, core: SessionCore): void {
  const abort = () => {
    const reason = signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
    const isRunning = statement.state === 'submitted' || statement.state === 'busy'
    statement.destroy(reason)
    if (!isRunning) return
    // The server is still working on it, so the cancel cannot hit another statement.
    const deadline = startDeadline(ABORT_GRACE_MS, () => core.doubt(reason))
    void statement.whenOver.then(() => deadline.stop())
  }
  if (signal.aborted) return abort()
  signal.addEventListener('abort', abort, { once: true })
  void statement.whenOver.then(() => signal.removeEventListener('abort', abort))
}
