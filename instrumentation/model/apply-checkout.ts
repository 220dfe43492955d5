import { keep, ownerOf, replace, settleEngine } from './apply-request.ts'
import type { Draft, Reducer } from './draft.ts'
import { settleLane } from './lane.ts'
import { laneKey, type Checkout, type Connection } from './state.ts'

const WAITS_KEPT = 200

/** Holds of connections: requested, acquired or failed, released. */
export const CHECKOUTS = {
  checkoutStart(draft, fact, at) {
    const { id, engine, pool, session, site, isLineTaken } = fact
    // Written out, as in statements and transactions: a spread costs several times as much.
    begin(draft, {
      id,
      request: ownerOf(draft, fact.request, at),
      session,
      engine,
      pool,
      site,
      isLineTaken,
      frames: fact.frames?.split('\n') ?? [],
      askedAt: at,
      state: 'waiting',
      acquiredAt: null,
      connection: null,
      slot: null,
      backendPid: null,
      endedAt: null,
      discarded: null,
      failure: null,
      dirty: null,
      keptFor: null,
      countsFrom: null,
      overdue: null,
      foundRunning: null,
    })
  },

  checkoutAcquired(draft, { id, connection: connectionId, waitMs }, at) {
    const checkout = draft.get('checkouts', id)
    if (!checkout) return
    const connection = draft.edit('connections', connectionId)
    if (connection) connection.uses += 1
    update(draft, {
      ...checkout,
      state: 'held',
      acquiredAt: at,
      countsFrom: at,
      connection: connectionId,
      slot: connection?.slot ?? null,
      backendPid: connection?.backendPid ?? null,
      foundRunning: runningOn(draft, connection),
    })
    remember(draft, checkout.pool, waitMs)
    if (!connection) return
    const lane = draft.edit('lanes', laneKey(connection.pool, connection.slot))
    if (lane) lane.checkout = id
    settleLane(draft, connectionId, at)
  },

  checkoutFailed(draft, { id, waitMs, ...failure }, at) {
    const checkout = draft.get('checkouts', id)
    if (!checkout) return
    finish(draft, { ...checkout, state: 'failed', endedAt: at, failure })
    remember(draft, checkout.pool, waitMs)
  },

  checkoutReleased(draft, { id, discarded }, at) {
    const checkout = draft.get('checkouts', id)
    if (!checkout) return
    finish(draft, { ...checkout, state: 'released', endedAt: at, discarded })
    if (checkout.connection === null || checkout.slot === null) return
    const lane = draft.edit('lanes', laneKey(checkout.pool, checkout.slot))
    // A late release by a former holder must not change the lane of the present one.
    if (lane?.checkout === id) lane.checkout = null
    settleLane(draft, checkout.connection, at)
  },

  checkoutDirty(draft, { id, status, previousSite }) {
    const checkout = draft.get('checkouts', id)
    if (checkout) update(draft, { ...checkout, dirty: { status, previousSite } })
  },

  checkoutKept(draft, { id, keptFor }, at) {
    const checkout = draft.get('checkouts', id)
    if (!checkout) return
    update(draft, { ...checkout, keptFor, countsFrom: keptFor === null ? at : checkout.countsFrom })
  },

  checkoutOverdue(draft, { id, state }, at) {
    const checkout = draft.get('checkouts', id)
    if (checkout) update(draft, { ...checkout, overdue: { at, state } })
  },
} satisfies Partial<Reducer>

/** What still runs on a connection that is handed on. Nothing, where all is well. */
function runningOn(draft: Draft, connection: Pick<Connection, 'running'> | undefined) {
  const left = draft.get('statements', connection?.running[0] ?? '')
  if (!left) return null
  const { id, checkout, request, site } = left
  return { id, checkout, request, site }
}

function begin(draft: Draft, checkout: Checkout): void {
  draft.set('checkouts', checkout.id, checkout)
  const request = draft.edit('requests', checkout.request)
  if (!request) return
  keep(request.checkouts, checkout)
  settleEngine(request, checkout.engine)
}

function update(draft: Draft, checkout: Checkout): void {
  draft.set('checkouts', checkout.id, checkout)
  const request = draft.edit('requests', checkout.request)
  if (!request) return
  replace(request.checkouts, checkout)
  if (checkout.endedAt !== null) settleEngine(request, checkout.engine)
}

function finish(draft: Draft, checkout: Checkout): void {
  update(draft, checkout)
  draft.delete('checkouts', checkout.id)
}

function remember(draft: Draft, id: string, waitMs: number): void {
  const pool = draft.edit('pools', id)
  if (!pool) return
  pool.waits.push(waitMs)
  if (pool.waits.length > WAITS_KEPT * 2) pool.waits.splice(0, WAITS_KEPT)
}
