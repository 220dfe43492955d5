import { processWide } from '../identity/process-wide.ts'
import type { Method } from './shadow.ts'

/**
 * What a caller says about itself to the code beneath it: in whose name it asks or sends. A field is enough, because
 * the call is synchronous. In an AsyncLocalStorage, everything the call starts would hear it too.
 */
export class Whisper<T> {
  said: T | undefined

  during<R>(said: T, call: () => R): R {
    this.said = said
    try {
      return call()
    } finally {
      this.said = undefined
    }
  }

  /** Heard once: it does not apply to calls after that. */
  take(): T | undefined {
    const { said } = this
    this.said = undefined
    return said
  }
}

/**
 * A borrower's statement is sent on its host's connection. It is reported once, as the borrower's: the connection's own
 * pool may be watched as well.
 */
export const borrowerSends = processWide('a borrower sends', () => new Whisper<true>())

/**
 * A knex sends a statement of its own. The callback that it hands to the driver only settles a promise, whose readers
 * have contexts of their own, and so need not be bound. Other statements on a connection of its pool may have a
 * callback of the application.
 */
export const knexSends = new Whisper<true>()

export function sendingByKnex(original: Method): Method {
  return function (...args) {
    knexSends.said = true
    try {
      return original.apply(this, args)
    } finally {
      knexSends.said = undefined
    }
  }
}

/**
 * A running knex builder takes a connection for its one statement before `run` returns. Its line is never asked for,
 * and a stack costs more than all the rest of a check-out. So where lines are not read, the runner says that the
 * check-out inside it is for a single statement.
 */
export const builderRuns = new Whisper<true>()

/** Has a builder's runner say that it checks out for a single statement. */
export function runsSingleStatement(runner: object): void {
  // Otherwise it is the application's own `run`, or our shadow from when lines were read.
  if (!Object.hasOwn(runner, 'run')) (runner as { run: Method }).run = runSingleStatement
}

/** One function for all runners, assigned: a closure and a property descriptor for each cost a microsecond. */
function runSingleStatement(this: unknown, ...args: unknown[]): unknown {
  const { run } = Object.getPrototypeOf(this) as { run: Method }
  builderRuns.said = true
  try {
    return run.apply(this, args)
  } finally {
    builderRuns.said = undefined
  }
}
