import type { Discard } from '../../server-lib/channels/words.ts'
import {
  KIND,
  type ConnectedRow,
  type ConnectFailedRow,
  type DisconnectedRow,
  type EngineClosedRow,
  type EngineRow,
} from './rows.ts'
import type { Draft, Texts } from './draft.ts'
import { closeLast, settleLane } from './lane.ts'
import { laneKey } from './state.ts'

type PoolRow = EngineRow | EngineClosedRow | ConnectedRow | DisconnectedRow | ConnectFailedRow

/** Engines, their pools, and the physical connections in them. */
export function applyPool(draft: Draft, row: PoolRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.engine: {
      const facts = row[3]
      const previous = draft.get('engines', facts.engine)
      if (previous && previous.pool !== facts.pool) retire(draft, previous.pool)
      draft.set('engines', facts.engine, { ...facts, closed: false, lastConnectError: null })
      const waits = [...(draft.get('pools', facts.pool)?.waits ?? [])]
      draft.set('pools', facts.pool, {
        id: facts.pool,
        engine: facts.engine,
        // A borrowed pool has as many as its host has lent, which shows in time.
        max: facts.mode === 'borrowed' ? (draft.get('pools', facts.pool)?.max ?? 0) : facts.max,
        retired: false,
        waits,
      })
      return
    }
    case KIND.engineClosed: {
      const engine = draft.edit('engines', row[3])
      if (!engine) return
      engine.closed = true
      retire(draft, engine.pool)
      return
    }
    case KIND.connected:
      return connected(draft, row)
    case KIND.disconnected: {
      const [, , at, id, reason] = row
      const connection = draft.edit('connections', id)
      if (!connection) return
      connection.disconnected = { at, reason: texts(reason) as Discard }
      const lane = draft.edit('lanes', laneKey(connection.pool, connection.slot))
      if (lane?.connection === id) {
        closeLast(lane.segments, at)
        lane.connection = null
        lane.checkout = null
      }
      forgetDisconnected(draft)
      return
    }
    case KIND.connectFailed: {
      const [, , at, name, , code, message] = row
      const engine = draft.edit('engines', name)
      if (engine) engine.lastConnectError = { at, code, message: texts(message) }
      return
    }
    default:
      row satisfies never
  }
}

function connected(draft: Draft, [, , at, id, engine, pool, slot, backendPid, uses]: ConnectedRow): void {
  draft.set('connections', id, {
    id,
    engine,
    pool,
    slot,
    backendPid,
    uses,
    connectedAt: at,
    disconnected: null,
    transaction: null,
    running: [],
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
}

function firstWaiting(draft: Draft, pool: string): number | null {
  for (const checkout of draft.state.checkouts.values()) {
    if (checkout.pool === pool && checkout.state === 'waiting') return checkout.askedAt
  }
  return null
}

function retire(draft: Draft, id: string): void {
  const pool = draft.edit('pools', id)
  if (pool) pool.retired = true
}

const DISCONNECTED_KEPT = 200

function forgetDisconnected(draft: Draft): void {
  if (draft.state.connections.size <= DISCONNECTED_KEPT * 2) return
  const gone = [...draft.state.connections.values()].filter(c => c.disconnected)
  for (const connection of gone.slice(0, -DISCONNECTED_KEPT)) draft.delete('connections', connection.id)
}
