import type { Knex } from 'knex'
import { captureSite, NO_LINE, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { leaveCallerSite, withCallerSite } from './caller-site.ts'
import { beforeStack, withoutOurFrame } from './knex-stacks.ts'
import { runsSingleStatement, sendingByKnex } from './whispers.ts'
import { shadow, type Method } from './shadow.ts'

/** The factories of a knex client: the application calls each in the frame that writes the statement. */
const BUILDERS = ['queryBuilder', 'raw', 'schemaBuilder'] as const

/** What is used of the pool's books: whether a transaction's line is worth capturing, because it holds a connection. */
interface HolderLines {
  readonly takesLine: boolean
}

const sitesByBuilder = new WeakMap<object, SiteCapture>()

/**
 * Remembers the line at which each statement of a knex was written, by shadowing the factories on that knex's client
 * and on the client of each of its transactions. No prototype is touched. Where lines are not read, a builder costs a
 * branch. The returned function takes it off again.
 */
export function watchKnexLines(knex: Pick<Knex, 'client'>, lines: HolderLines): () => void {
  let watching = true
  const undo = shadowClient(knex.client as object, () => watching, lines)
  return () => {
    watching = false
    undo()
  }
}

function shadowClient(client: object, isWatching: () => boolean, lines: HolderLines): () => void {
  const isListening = () => isWatching() && sitesAreWanted()
  const undos = [
    ...BUILDERS.map(name => shadow(client, name, original => tellingLines(original, isListening))),
    shadow(client, 'runner', original => carryingLines(original, isListening)),
    shadow(client, '_query', sendingByKnex),
    shadow(client, 'transaction', original => enteringTransactions(original, isWatching, lines)),
  ]
  return () => undos.forEach(undo => undo())
}

/** A factory, or a builder's `clone`: records this line for what it makes. */
function tellingLines(original: Method, isListening: () => boolean): Method {
  return function (...args) {
    const afterStack = beforeStack(this)
    let builder: unknown
    try {
      builder = original.apply(this, args)
    } finally {
      afterStack?.()
    }
    if (afterStack) withoutOurFrame(builder, this)
    if (!isListening() || typeof builder !== 'object' || builder === null) return builder
    sitesByBuilder.set(builder, captureSite())
    // `clone` uses the constructor and not the factories.
    if ('clone' in builder) shadow(builder, 'clone', clone => tellingLines(clone, isListening))
    return builder
  }
}

/** Called when a statement runs, which for an awaited builder is in a microtask without frames. */
function carryingLines(original: Method, isListening: () => boolean): Method {
  return function (...args) {
    const runner = original.apply(this, args) as object
    const [builder] = args
    if (!sitesAreWanted()) {
      if (takesConnection(this, builder)) runsSingleStatement(runner)
      return runner
    }
    const site = typeof builder === 'object' && builder !== null ? sitesByBuilder.get(builder) : undefined
    if (!site || !isListening()) return runner
    for (const name of ['run', 'stream']) {
      shadow(
        runner,
        name,
        run =>
          function (...given) {
            return withCallerSite(site, () => run.apply(this, given))
          },
      )
    }
    return runner
  }
}

/**
 * Inside a transaction, or with `.connection(…)`, a builder already has a connection. A borrowing dialect sets
 * `transacting` on itself.
 */
const takesConnection = (client: unknown, builder: unknown): boolean =>
  !Object.hasOwn(client as object, 'transacting') &&
  (builder as { _connection?: unknown } | undefined)?._connection === undefined

function enteringTransactions(original: Method, isWatching: () => boolean, lines: HolderLines): Method {
  return function (...args) {
    const [container] = args
    if (!isWatching() || typeof container !== 'function') return original.apply(this, args)
    // Done even where lines are not read: a check-out timeout names the holder's line, and a forgotten transaction is
    // the most important holder.
    const line = sitesAreWanted() || lines.takesLine ? captureSite() : NO_LINE
    const transaction = withCallerSite(line, () => original.apply(this, args)) as object
    // It has a client of its own, made from the prototype, which lives as long as the transaction.
    onceSet(transaction, 'trxClient', client => void shadowClient(client, isWatching, lines))
    // The application's function is called next: what it sends by other means has lines of its own.
    onceSet(transaction, 'transactor', leaveCallerSite)
    return transaction
  }
}

/**
 * Reports when a part of a knex transaction is set. The application's function is not wrapped: our frame would stand in
 * the stack of each error that is made in it.
 */
function onceSet(transaction: object, part: 'trxClient' | 'transactor', tell: (value: object) => void): void {
  const shape = { configurable: true, enumerable: true }
  Object.defineProperty(transaction, part, {
    ...shape,
    get: () => undefined,
    set(value: object) {
      Object.defineProperty(transaction, part, { ...shape, writable: true, value })
      tell(value)
    },
  })
}
