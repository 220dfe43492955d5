import type { Knex } from 'knex'
import { channels } from '../channels.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { withCallerSite } from './caller-site.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown

/** The factories of a knex client: each is called in the frame of the application that writes the statement. */
const BUILDERS = ['queryBuilder', 'raw', 'schemaBuilder'] as const

const sitesByBuilder = new WeakMap<object, SiteCapture>()

/**
 * Remembers the line at which each statement of a knex was written, by shadowing the factories on that knex's
 * client (and on the client of each of its transactions); no prototype is touched. With nobody listening a builder costs
 * a branch.
 * The returned function takes it off again.
 */
export function watchKnexLines(knex: Pick<Knex, 'client'>): () => void {
  const shadows: (() => void)[] = []
  let watching = true
  shadowClient(
    knex.client as Record<string, unknown>,
    undo => shadows.push(undo),
    () => watching,
  )
  return () => {
    watching = false
    for (const undo of shadows) undo()
  }
}

function shadowClient(
  client: Record<string, unknown>,
  remember: (undo: () => void) => void,
  isWatching: () => boolean,
): void {
  const listening = () =>
    isWatching() && (channels.statement.hasSubscribers || channels.checkout.hasSubscribers)

  for (const name of BUILDERS) {
    shadow(
      client,
      name,
      remember,
      original =>
        function (this: unknown, ...args) {
          const builder = original.apply(this, args)
          if (listening() && typeof builder === 'object' && builder !== null)
            sitesByBuilder.set(builder, captureSite())
          return builder
        },
    )
  }
  // Called when the statement runs, which for an awaited builder is in a microtask without frames.
  shadow(
    client,
    'runner',
    remember,
    original =>
      function (this: unknown, ...args) {
        const runner = original.apply(this, args)
        const site = typeof args[0] === 'object' && args[0] !== null ? sitesByBuilder.get(args[0]) : undefined
        if (!site || !listening()) return runner
        for (const method of ['run', 'stream'] as const) {
          const run = (runner as Record<string, unknown>)[method] as Method
          Object.defineProperty(runner, method, {
            configurable: true,
            writable: true,
            value: (...runArgs: unknown[]) => withCallerSite(site, () => run.apply(runner, runArgs)),
          })
        }
        return runner
      },
  )
  shadow(
    client,
    'transaction',
    remember,
    original =>
      function (this: unknown, ...args) {
        const [container] = args
        // Also with nobody listening: whoever times out waiting for a connection is told the line of its holder, and a
        // forgotten transaction is the holder that matters. Beside what knex spends on one the capture is nothing.
        if (!isWatching() || typeof container !== 'function') return original.apply(this, args)
        const site = captureSite()
        const inside = (transaction: { client?: Record<string, unknown> }) => {
          // A transaction has a client of its own, made from the prototype; it goes when the transaction does.
          if (transaction.client) shadowClient(transaction.client, () => {}, isWatching)
          // The application's code again: what it sends by other ways has lines of its own.
          return withCallerSite(undefined, () => (container as Method)(transaction))
        }
        return withCallerSite(site, () => original.call(this, inside, ...args.slice(1)))
      },
  )
}

function shadow(
  client: Record<string, unknown>,
  name: string,
  remember: (undo: () => void) => void,
  replace: (original: Method) => Method,
): void {
  const original = client[name]
  if (typeof original !== 'function') return
  const before = Object.getOwnPropertyDescriptor(client, name)
  const value = replace(original as Method)
  Object.defineProperty(client, name, { configurable: true, enumerable: false, writable: true, value })
  remember(() => {
    if (client[name] !== value) return
    if (before) Object.defineProperty(client, name, before)
    else delete client[name]
  })
}
