import type { Draft, Reducer } from './draft.ts'
import { closeLast, settleLane } from './lane.ts'
import type { Time } from './rows.ts'
import { laneKey } from './state.ts'

/** Engines, their pools, and the physical connections in them. */
export const POOLS = {
  engine(draft, { facts }, at) {
    const { engine, pool, max } = facts
    const previous = draft.get('engines', engine)
    if (previous && previous.pool !== pool) retire(draft, previous.pool, at)
    draft.set('engines', engine, { ...facts, closed: false, lastConnectError: null })
    const before = draft.get('pools', pool)
    draft.set('pools', pool, {
      id: pool,
      engine,
      // A borrowed pool has as many as its host has lent, which shows in time.
      max: facts.mode === 'borrowed' ? (before?.max ?? 0) : max,
      retired: false,
      retiredAt: null,
      waits: [...(before?.waits ?? [])],
    })
  },

  engineClosed(draft, fact, at) {
    const engine = draft.edit('engines', fact.engine)
    if (!engine) return
    engine.closed = true
    retire(draft, engine.pool, at)
  },

  connected(draft, fact, at) {
    const { id, engine, pool, slot } = fact
    draft.set('connections', id, {
      ...fact,
      connectedAt: at,
      disconnected: null,
      transaction: null,
      running: [],
      counting: null,
      lastStatement: null,
    })
    const owner = draft.get('pools', pool)
    if (owner && slot >= owner.max && draft.get('engines', engine)?.mode === 'borrowed')
      draft.edit('pools', pool)!.max = slot + 1
    const key = laneKey(pool, slot)
    if (!draft.get('lanes', key)) {
      draft.set('lanes', key, { key, engine, pool, slot, connection: id, checkout: null, segments: [] })
    }
    const lane = draft.edit('lanes', key)!
    closeLast(lane.segments, at)
    lane.connection = id
    lane.checkout = null
    const asker = firstWaiting(draft, pool)
    // The protocol reports when a connection was ready, not when its opening began: the longest waiter caused it.
    const begun = Math.max(asker ?? at, lane.segments.at(-1)?.to ?? 0)
    if (begun < at) lane.segments.push({ phase: 'connecting', from: begun, to: at, request: null })
    settleLane(draft, id, at)
  },

  disconnected(draft, { id, reason }, at) {
    const connection = draft.edit('connections', id)
    if (!connection) return
    connection.disconnected = { at, reason }
    const lane = draft.edit('lanes', laneKey(connection.pool, connection.slot))
    if (lane?.connection === id) {
      closeLast(lane.segments, at)
      lane.connection = null
      lane.checkout = null
    }
    forgetDisconnected(draft)
  },

  connectFailed(draft, { engine: name, code, message }, at) {
    const engine = draft.edit('engines', name)
    if (engine) engine.lastConnectError = { at, code, message }
  },
} satisfies Partial<Reducer>

function firstWaiting(draft: Draft, pool: string): number | null {
  for (const checkout of draft.state.checkouts.values()) {
    if (checkout.pool === pool && checkout.state === 'waiting') return checkout.askedAt
  }
  return null
}

function retire(draft: Draft, id: string, at: Time): void {
  const pool = draft.edit('pools', id)
  if (!pool) return
  pool.retired = true
  pool.retiredAt ??= at
}

const DISCONNECTED_KEPT = 200

function forgetDisconnected(draft: Draft): void {
  if (draft.state.connections.size <= DISCONNECTED_KEPT * 2) return
  const gone = [...draft.state.connections.values()].filter(c => c.disconnected)
  for (const connection of gone.slice(0, -DISCONNECTED_KEPT)) draft.delete('connections', connection.id)
}
