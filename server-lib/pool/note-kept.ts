import { channels } from '../channels/channels.ts'
import { isSubmittable, type DriverResult } from '../postgres/driver.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { changesOfKept, KeptFor } from './kept-for.ts'
import type { Books } from './books.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import { callbackOf } from '../postgres/statement-arguments.ts'

type Send = (args: unknown[]) => unknown
type Answered = (result: DriverResult | DriverResult[] | undefined) => void

/**
 * How to send a statement that begins or ends what its connection is kept for, noting it on success; undefined for all
 * others. Only for connections that the application holds itself: a session is inside its transaction, or releases
 * after the statement.
 */
export function notingKept(
  books: Books,
  record: ConnectionRecord,
  args: unknown[],
): ((send: Send) => unknown) | undefined {
  const { checkout } = record
  if (checkout === null || checkout.session !== null || checkout.isSingleStatement) return undefined
  const [config] = args
  const text = typeof config === 'string' ? config : (config as { text?: unknown } | null)?.text
  const changes = typeof text === 'string' ? changesOfKept(text) : null
  if (changes === null) return undefined
  const answered: Answered = result => {
    if (record.checkout !== checkout) return
    const kept = (checkout.kept ??= new KeptFor())
    for (const change of changes) kept.apply(change, isTrue(result))
    becameKept(books, checkout, kept.words)
  }
  return send => sendNoting(args, answered, send)
}

function sendNoting(args: unknown[], answered: Answered, send: Send): unknown {
  const [config] = args
  if (isSubmittable(config)) {
    onSubmittableEnd(config, ({ error }) => error ?? answered(undefined))
    return send(args)
  }
  const callback = callbackOf(args)
  if (callback) {
    const own = callback.callback
    return callback.sendWith(function (this: unknown, ...given) {
      if (!given[0]) answered(given[1])
      return Reflect.apply(own, this, given)
    }, send)
  }
  const promise = send(args)
  if (!(promise instanceof Promise)) return promise
  return promise.then((result: DriverResult) => {
    answered(result)
    return result
  })
}

/** Whether the first row contains `true`: the server's answer to `pg_try_advisory_lock`. */
function isTrue(result: DriverResult | DriverResult[] | undefined): boolean {
  const [row] = (Array.isArray(result) ? result.at(-1)?.rows : result?.rows) ?? []
  if (typeof row !== 'object' || row === null) return false
  return Object.values(row).includes(true)
}

function becameKept(books: Books, checkout: CheckoutRecord, keptFor: string | null): void {
  if (keptFor === checkout.keptFor) return
  checkout.keptFor = keptFor
  // From here on this is a hold like any other.
  if (keptFor === null) checkout.countsFrom = performance.now()
  if (!channels.checkout.hasSubscribers || checkout.isObserver) return
  const { engine, pool } = books
  channels.checkout.publish({ phase: 'kept', at: performance.now(), id: checkout.id, engine, pool, keptFor })
}
