import type { Knex } from 'knex'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { leaveCallerSite, withCallerSite } from './caller-site.ts'
import { beforeStack, withoutOurFrame } from './knex-stacks.ts'
import { runsSingleStatement, sendingByKnex } from './whispers.ts'
import { shadow, type Method } from './shadow.ts'

/** The factories of a knex client: each is called in the frame of the application that writes the statement. */
const BUILDERS = ['queryBuilder', 'raw', 'schemaBuilder'] as const

const sitesByBuilder = new WeakMap<object, SiteCapture>()

/**
 * Remembers the line at which each statement of a knex was written, by shadowing the factories on that knex's
 * client (and on the client of each of its transactions); no prototype is touched. Where nobody reads the
 * lines a builder costs a branch.
 * The returned function takes it off again.
 */
export function watchKnexLines(knex: Pick<Knex, 'client'>): () => void {
  let watching = true
  const undo = shadowClient(knex.client as object, () => watching)
  return () => {
    watching = false
    undo()
  }
}

function shadowClient(client: object, isWatching: () => boolean): () => void {
  const isListening = () => isWatching() && sitesAreWanted()
  const undos = [
    ...BUILDERS.map(name => shadow(client, name, original => tellingLines(original, isListening))),
    shadow(client, 'runner', original => carryingLines(original, isListening)),
    shadow(client, '_query', sendingByKnex),
    shadow(client, 'transaction', original => enteringTransactions(original, isWatching)),
  ]
  return () => undos.forEach(undo => undo())
}

/** A factory, or a builder's `clone`: what it makes was written here. */
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
    // A clone is made by its constructor, past the factories.
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

/** Inside of a transaction, or with `.connection(…)`, a builder has one already. A dialect that borrows says `transacting` of itself. */
const takesConnection = (client: unknown, builder: unknown): boolean =>
  !Object.hasOwn(client as object, 'transacting') &&
  (builder as { _connection?: unknown } | undefined)?._connection === undefined

function enteringTransactions(original: Method, isWatching: () => boolean): Method {
  return function (...args) {
    const [container] = args
    // Also where nobody reads lines: whoever times out waiting for a connection is told the line of its holder, and a
    // forgotten transaction is the holder that matters. Beside what knex spends on one the capture is nothing.
    if (!isWatching() || typeof container !== 'function') return original.apply(this, args)
    const transaction = withCallerSite(captureSite(), () => original.apply(this, args)) as object
    // It has a client of its own, made from the prototype; that goes when the transaction does.
    onceSet(transaction, 'trxClient', client => void shadowClient(client, isWatching))
    // The application's function is called next: what it sends by other ways has lines of its own.
    onceSet(transaction, 'transactor', leaveCallerSite)
    return transaction
  }
}

/**
 * Tells when a transaction of knex is given one of its parts. The application's function is left as it is: around it a frame of
 * ours would stand in the stack of each error that is made in it.
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
