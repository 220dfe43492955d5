import type { Discard } from '../../server-lib/channels/words.ts'
import {
  KIND,
  type CheckoutAcquiredRow,
  type CheckoutDirtyRow,
  type CheckoutFailedRow,
  type CheckoutKeptRow,
  type CheckoutReleasedRow,
  type CheckoutStartRow,
} from './rows.ts'
import { keep, ownerOf, replace, settleEngine } from './apply-request.ts'
import type { Draft, Texts } from './draft.ts'
import { settleLane } from './lane.ts'
import { laneKey, type Checkout } from './state.ts'

type CheckoutRow =
  | CheckoutStartRow
  | CheckoutAcquiredRow
  | CheckoutFailedRow
  | CheckoutReleasedRow
  | CheckoutDirtyRow
  | CheckoutKeptRow

const WAITS_KEPT = 200

/** Holds of connections: requested, acquired or failed, released. */
export function applyCheckout(draft: Draft, row: CheckoutRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.checkoutStart:
      return asked(draft, row, texts)
    case KIND.checkoutAcquired:
      return acquired(draft, row)
    case KIND.checkoutFailed: {
      const [, , at, id, code, message, waitMs, holders] = row
      const checkout = draft.get('checkouts', id)
      if (!checkout) return
      const failure = { code, message: texts(message), holders }
      finish(draft, { ...checkout, state: 'failed', endedAt: at, failure })
      remember(draft, checkout.pool, waitMs)
      return
    }
    case KIND.checkoutReleased: {
      const [, , at, id, discarded] = row
      const checkout = draft.get('checkouts', id)
      if (!checkout) return
      const reason = discarded === null ? null : (texts(discarded) as Discard)
      finish(draft, { ...checkout, state: 'released', endedAt: at, discarded: reason })
      if (checkout.connection === null || checkout.slot === null) return
      const lane = draft.edit('lanes', laneKey(checkout.pool, checkout.slot))
      // A late release by a former holder must not change the lane of the present one.
      if (lane?.checkout === id) lane.checkout = null
      settleLane(draft, checkout.connection, at)
      return
    }
    case KIND.checkoutDirty: {
      const checkout = draft.get('checkouts', row[3])
      if (!checkout) return
      const previousSite = row[6] === null ? null : texts(row[6])
      update(draft, { ...checkout, dirty: { status: row[5], previousSite } })
      return
    }
    case KIND.checkoutKept: {
      const checkout = draft.get('checkouts', row[3])
      if (checkout) update(draft, { ...checkout, keptFor: row[4] === null ? null : texts(row[4]) })
      return
    }
    default:
      row satisfies never
  }
}

function asked(draft: Draft, row: CheckoutStartRow, texts: Texts): void {
  const [, , at, id, engine, pool, requestId, session, site, frames, lineNotTaken] = row
  begin(draft, {
    id,
    request: ownerOf(draft, requestId, at),
    session,
    engine,
    pool,
    site: site === null ? null : texts(site),
    isLineTaken: lineNotTaken === undefined,
    frames: frames === null ? [] : texts(frames).split('\n'),
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
  })
}

function acquired(draft: Draft, [, , at, id, connectionId, waitMs]: CheckoutAcquiredRow): void {
  const checkout = draft.get('checkouts', id)
  if (!checkout) return
  const connection = draft.edit('connections', connectionId)
  if (connection) connection.uses += 1
  update(draft, {
    ...checkout,
    state: 'held',
    acquiredAt: at,
    connection: connectionId,
    slot: connection?.slot ?? null,
    backendPid: connection?.backendPid ?? null,
  })
  remember(draft, checkout.pool, waitMs)
  if (!connection) return
  const lane = draft.edit('lanes', laneKey(connection.pool, connection.slot))
  if (lane) lane.checkout = id
  settleLane(draft, connectionId, at)
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
