import { startDeadline } from '../clock/deadline.ts'
import type { Engine } from '../engines/engine.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { DriverConnection } from '../dialect/connection.ts'

/** In a transaction the server enforces the limit itself; we wait this much longer for its answer. */
const SERVER_GRACE_MS = 1_000

/** Called when the time is over. */
type Passed = (error: EnginelightError) => void

/**
 * Gives up on a statement whose time is over. In a transaction this means that the server no longer answers (a dead
 * network). In autocommit it is the limit itself, because a setting would stay on the connection.
 */
export function startStatementDeadline(engine: Engine, timeoutMs: number, passed: Passed): { stop(): void } {
  const afterMs = limitOf(engine, timeoutMs)
  return startDeadline(afterMs, () => passed(timeoutOf(engine, timeoutMs, afterMs)))
}

/** How often a stream is checked within its limit, which sets the precision. */
const LOOKS = 4

/**
 * Gives up on a stream when its server owes an answer and has sent no byte for the statement timeout. Between two
 * batches it owes none: it waits for the reader, who may take any time.
 */
export function startStreamDeadline(
  engine: Engine,
  timeoutMs: number,
  driver: DriverConnection,
  isOwed: () => boolean,
  passed: Passed,
): { stop(): void } {
  const afterMs = limitOf(engine, timeoutMs)
  let silent = 0
  let traffic: string | undefined
  const look = () => {
    // A new read restarts the time, even before its first answer.
    const before = traffic
    traffic = isOwed() ? driver.traffic() : undefined
    silent = traffic !== undefined && traffic === before ? silent + 1 : 0
    if (silent >= LOOKS) return passed(timeoutOf(engine, timeoutMs, afterMs))
    deadline = startDeadline(afterMs / LOOKS, look)
  }
  let deadline: ReturnType<typeof startDeadline> | undefined
  look()
  return { stop: () => deadline?.stop() }
}

function limitOf({ options }: Engine, timeoutMs: number): number {
  return options.rule.begins ? timeoutMs + SERVER_GRACE_MS : timeoutMs
}

function timeoutOf(engine: Engine, timeoutMs: number, afterMs: number): EnginelightError {
  return new EnginelightError(
    'EL_STATEMENT_TIMEOUT',
    `A statement of engine "${engine.name}" had no answer after ${afterMs} ms (statementTimeoutMs ${timeoutMs}); its connection was closed.`,
    { engine: engine.name, waitedMs: afterMs },
  )
}
