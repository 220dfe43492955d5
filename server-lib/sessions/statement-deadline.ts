import { startDeadline } from '../deadline.ts'
import type { Engine } from '../engines/engine.ts'
import { EnginelightError } from '../errors.ts'

/** In a transaction the server keeps the limit itself; we wait this much longer for its word. */
const SERVER_GRACE_MS = 1_000

/**
 * Gives up on a statement whose time is over. In a transaction that is a server which does not answer any more (a
 * dead network); in autocommit it is the limit itself, since a setting would stay on the connection.
 */
export function startStatementDeadline(
  engine: Engine,
  timeoutMs: number,
  passed: (error: EnginelightError) => void,
): { stop(): void } {
  const afterMs = engine.options.mode === 'transaction' ? timeoutMs + SERVER_GRACE_MS : timeoutMs
  return startDeadline(afterMs, () => {
    passed(
      new EnginelightError(
        'EL_STATEMENT_TIMEOUT',
        `A statement of engine "${engine.name}" had no answer after ${afterMs} ms (statementTimeoutMs ${timeoutMs}); its connection was closed.`,
        { engine: engine.name, waitedMs: afterMs },
      ),
    )
  })
}
