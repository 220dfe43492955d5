import { NO_LINE } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Listener, PgClient } from './driver.ts'
import { isPoolTimeout, type ConnectCallback, type PgPool, type PooledConnection } from './pg-pool.ts'
import { outsideOfRequests } from '../requests/request-scope.ts'
import { stopAwaitedLines } from '../watch/awaited-lines.ts'
import { bindingCallbacks, boundTo, contextHere, type CallerContext } from '../watch/caller-context.ts'
import { ListenerContexts, type Emitter, type IsOurs } from '../watch/listener-contexts.ts'
import { shadow, type Method } from '../watch/shadow.ts'
import type { InContext } from '../pool/in-context.ts'
import type { Asker, Books } from '../pool/books.ts'
import type { GiveUp, Hold, Pool, Taker } from '../pool/pool.ts'
import type { CheckoutRecord } from '../pool/records.ts'
import { explainTimeout } from '../pool/explained-timeout.ts'
import { staleRelease } from '../pool/stale-release.ts'
import { WatchedConnections } from '../pool/watched-connections.ts'

/**
 * The application's `pg.Pool`. Its `acquire` event comes in the context of whatever released, so `connect` is shadowed
 * on this instance: it runs in the caller's context. `pool.query` is shadowed to know that the pool itself sends the
 * statement, because it calls `connect` too.
 */
export class NativePool implements Pool {
  readonly books: Books
  readonly min: number
  readonly max: number
  readonly #pool: PgPool
  readonly connections: WatchedConnections
  readonly #listeners: [event: string, listener: Listener][]
  readonly #unshadow: () => void
  #destroyed: Promise<void> | undefined

  constructor(pool: PgPool, books: Books, inContext: InContext) {
    this.#pool = pool
    this.books = books
    books.limit = () => this.max
    this.min = pool.options.min ?? 0
    this.max = pool.options.max ?? 10
    const connections = new WatchedConnections(books)
    this.connections = connections
    const of = (client: PgClient) => books.dialect.connectionOf(client)
    const unwatchRequests = watchRequests(pool, this)
    const unwatchOpening = openInContext(pool, connections, inContext)
    const isOurs: IsOurs = (_event, listener) => this.#listeners.some(([, own]) => own === listener)
    const contexts = new ListenerContexts(pool as unknown as Emitter, isOurs)
    this.#unshadow = () => {
      contexts.leave()
      unwatchOpening()
      unwatchRequests()
    }
    this.#listeners = [
      ['connect', (client: PgClient) => connections.enter(of(client))],
      [
        'release',
        (error: unknown, client: PgClient) => {
          const driver = of(client)
          const record = books.recordOf(driver)
          if (record && error) record.discarded ??= 'released with an error'
          books.released(driver)
          // The pool is about to close it, and emits `remove` only when that is done.
          if (error) connections.gone(driver, 'released with an error')
          else client.removeListener('error', unheard)
        },
      ],
      ['remove', (client: PgClient) => connections.gone(of(client), 'closed by the pool')],
    ]
    // Prepended, so that statements sent in the application's own `connect` listener are seen as well.
    for (const [event, listener] of this.#listeners) pool.prependListener(event, listener)
    const idle = new Set(pool._idle?.map(item => item.client))
    for (const client of pool._clients ?? []) {
      if (!client.processID) continue
      connections.enter(of(client))
      if (!idle.has(client)) books.acquired(books.asked(NO_LINE), of(client))
    }
  }

  get isOpening(): boolean {
    return (this.#pool._clients?.length ?? 0) > this.books.size
  }

  acquire(asker: Asker, taker: Taker): GiveUp {
    this.books
      .askingFor(asker, () => this.#connect())
      .then(
        // The release of this hold: a later holder of the same connection has another.
        client => taker.granted(this.#hold(client, client.release)),
        // The application's own pool may have a shorter timeout than ours.
        (cause: unknown) => (isPoolTimeout(cause) ? taker.timedOut(cause) : taker.refused(cause)),
      )
    return () => {
      // pg-pool cannot withdraw a request, so the books drop the waiter here.
      if (asker.checkout) this.books.failed(asker.checkout, asker.checkout.failure)
    }
  }

  /**
   * The pool removes its error listener as it grants a connection, and a promise learns of the grant later. A backend
   * that dies in the packet that made it ready would end the process, so a listener is added at the grant.
   */
  #connect(): Promise<PooledConnection> {
    return new Promise((resolve, reject) => {
      this.#pool.connect((error, client) => {
        if (!client) return reject(error)
        client.on('error', unheard)
        resolve(client)
      })
    })
  }

  #hold(client: PooledConnection, release: PooledConnection['release']): Hold {
    const { books } = this
    const driver: DriverConnection = books.dialect.connectionOf(client)
    const refuse = () => {
      throw staleRelease(books, driver)
    }
    client.release = refuse
    const giveBack = (destroy?: true) => {
      if (client.release === refuse) client.release = release
      release.call(client, destroy)
    }
    return { driver, release: () => giveBack(), discard: () => giveBack(true) }
  }

  unwatch(): void {
    this.#unshadow()
    for (const [event, listener] of this.#listeners) this.#pool.removeListener(event, listener)
    this.connections.leaveAll()
    stopAwaitedLines()
  }

  destroy(): Promise<void> {
    // A reinit that drains and a close that cuts both ask; pg refuses the second call.
    return (this.#destroyed ??= this.#pool.end())
  }

  cut(): void {
    this.connections.cut()
    // Connections that are still being opened: the pool has emitted nothing for them yet.
    for (const client of this.#pool._clients ?? []) client.connection?.stream?.destroy()
    // pg-pool forgets its waiters when it ends: they would wait for ever.
    for (const pending of this.#pool._pendingQueue?.splice(0) ?? [])
      pending.callback(new Error('The pool was closed.'))
  }
}

/** The holder learns of the error from a statement that fails. */
const unheard = () => {}

function watchRequests(pool: PgPool, watched: NativePool): () => void {
  const { books, connections } = watched
  let watching = true
  /** `pool.query` calls `connect` before it returns, so the next `connect` is its own. */
  let inQuery: CallerContext | null = null

  const asked = (): CheckoutRecord => {
    // A stack costs more than all the rest, and the line of a single statement's hold is not asked for.
    const checkout = books.asked(inQuery && !sitesAreWanted() ? NO_LINE : null)
    checkout.isSingleStatement = inQuery !== null
    // A session's callback settles a promise, and the code that awaits it has a context of its own.
    if (checkout.session === null && !checkout.isObserver) checkout.context = inQuery ?? contextHere()
    inQuery = null
    return checkout
  }
  const granted = (checkout: CheckoutRecord, client: PgClient) => {
    // Asked for while we watched, and granted after.
    if (!watching) return
    const driver = books.dialect.connectionOf(client)
    connections.enter(driver)
    books.acquired(checkout, driver)
  }

  const failed = (checkout: CheckoutRecord, error: unknown) => {
    if (isPoolTimeout(error)) explainTimeout(watched, checkout, error)
    else books.notOpened(error)
    books.failed(checkout, error)
  }

  const undoQuery = shadow(
    pool,
    'query',
    original =>
      function query(this: unknown, ...args) {
        if (!watching) return original.apply(this, args)
        const context = contextHere()
        inQuery = context
        try {
          // The text comes first: the pool refuses a function in its place.
          return original.apply(
            this,
            args.map((arg, at) => (at === 0 ? arg : bound(context, arg))),
          )
        } finally {
          inQuery = null
        }
      },
  )
  const undoConnect = shadow(
    pool,
    'connect',
    original =>
      function connect(this: unknown, ...args) {
        if (!watching) return original.apply(this, args)
        const checkout = asked()
        const [callback] = args
        if (typeof callback === 'function') {
          const answer = function (this: unknown, ...answered: Parameters<ConnectCallback>) {
            const [error, driver] = answered
            if (driver) granted(checkout, driver)
            else failed(checkout, error)
            return Reflect.apply(callback, this, answered) as unknown
          }
          const { context } = checkout
          return original.call(this, context ? boundTo(context, answer as Method) : answer, ...args.slice(1))
        }
        const promise = original.apply(this, args) as Promise<PooledConnection>
        return promise.then(
          driver => {
            granted(checkout, driver)
            return driver
          },
          (error: unknown) => {
            failed(checkout, error)
            throw error
          },
        )
      },
  )
  return () => {
    watching = false
    undoConnect()
    undoQuery()
  }
}

const bound = (context: CallerContext, arg: unknown): unknown =>
  typeof arg === 'function' ? boundTo(context, arg as Method) : arg

/** A connection outlives the request that needed it first, so it must not carry that request's stores. */
function openInContext(pool: PgPool, connections: WatchedConnections, inContext: InContext): () => void {
  let watching = true
  const undo = [
    shadow(
      pool,
      'end',
      bindingCallbacks(() => watching),
    ),
    shadow(pool, 'newClient', original => {
      return function newClient(this: unknown, ...args) {
        if (!watching) return original.apply(this, args)
        return inContext(() => {
          const answer = original.apply(this, args)
          const opened = pool._clients?.at(-1)
          if (opened) connections.opens(connections.of(opened))
          return answer
        })
      }
    }),
  ]
  // Requests that already wait were not bound, and would be granted in the context of whatever releases.
  if (pool._pendingQueue?.length) {
    undo.push(
      shadow(pool, '_pulseQueue', original => {
        return function pulseQueue(this: unknown, ...args) {
          return watching ? outsideOfRequests(() => original.apply(this, args)) : original.apply(this, args)
        }
      }),
    )
  }
  return () => {
    watching = false
    for (const takeOff of undo) takeOff()
  }
}
