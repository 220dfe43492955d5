import { processWide } from '../identity/process-wide.ts'
import type { Method } from './shadow.ts'

/**
 * What a call says to the code beneath it about itself: in whose name it asks or sends. A field is enough, for the call is
 * synchronous; what is said in an AsyncLocalStorage would be heard by all that it starts, too.
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

  /** Heard once: what else is called by then is not meant. */
  take(): T | undefined {
    const { said } = this
    this.said = undefined
    return said
  }
}

/**
 * A statement of a borrower is sent on a connection of its host. It is told of once, as the borrower's: the pool that the
 * connection belongs to may be watched as well.
 */
export const borrowerSends = processWide('a borrower sends', () => new Whisper<true>())

/**
 * A knex sends a statement of its own. The callback that it hands to the driver settles a promise, whose readers have contexts of
 * their own: it need not be bound to one. What else is sent on a connection of its pool may have an application's.
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
 * A knex builder that runs takes a connection for its one statement, before `run` returns. Nobody will ask from which
 * line a single statement held its connection, and a stack costs more than all the rest of a check-out; so where nobody
 * reads lines the runner says that the check-out inside of it is such a one.
 */
export const builderRuns = new Whisper<true>()

/** Has a builder's runner say that it takes its connection for a single statement. */
export function runsSingleStatement(runner: object): void {
  // The application's own, perhaps a shadow of ours from when lines were read.
  if (!Object.hasOwn(runner, 'run')) (runner as { run: Method }).run = runSingleStatement
}

/** One function for all runners, put there by assignment: a closure and a property descriptor for each cost a microsecond. */
function runSingleStatement(this: unknown, ...args: unknown[]): unknown {
  const { run } = Object.getPrototypeOf(this) as { run: Method }
  builderRuns.said = true
  try {
    return run.apply(this, args)
  } finally {
    builderRuns.said = undefined
  }
}
