import type { Method } from './shadow.ts'

/*
 * A knex builder that runs takes a connection for its one statement, before `run` returns. Nobody will ask from which
 * line a single statement held its connection, and a stack costs more than all the rest of a check-out; so where nobody
 * reads lines the runner says that the check-out inside of it is such a one.
 */
let isRunning = false

/** Whether the connection that is asked for now is for the single statement of a builder. Asked once for each. */
export function isSingleStatement(): boolean {
  const is = isRunning
  isRunning = false
  return is
}

/** Has a builder's runner say that it takes its connection for a single statement. */
export function runsSingleStatement(runner: object): void {
  // Somebody's own, perhaps a shadow of ours from when lines were read.
  if (!Object.hasOwn(runner, 'run')) (runner as { run: Method }).run = runSingleStatement
}

/** One function for all runners, put there by assignment: a closure and a property descriptor for each cost a microsecond. */
function runSingleStatement(this: unknown, ...args: unknown[]): unknown {
  const { run } = Object.getPrototypeOf(this) as { run: Method }
  isRunning = true
  try {
    return run.apply(this, args)
  } finally {
    isRunning = false
  }
}
