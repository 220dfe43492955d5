import type { Time } from './rows.ts'
import type { Checkout, Connection, Engine, Lane, PanelState, Pool } from './state.ts'

/** How full a pool is, according to the rows. */
export interface PoolLoad {
  readonly used: number
  readonly max: number
  readonly waiting: readonly Checkout[]
  readonly oldestHoldMs: number | null
}

export function loadOf(state: PanelState, pool: Pool, now: Time): PoolLoad {
  let used = 0
  let oldest: number | null = null
  const waiting: Checkout[] = []
  for (const checkout of state.checkouts.values()) {
    if (checkout.pool !== pool.id) continue
    if (checkout.state === 'waiting') waiting.push(checkout)
    else if (checkout.acquiredAt !== null) {
      used += 1
      oldest = Math.max(oldest ?? 0, now - checkout.acquiredAt)
    }
  }
  return { used, max: pool.max, waiting, oldestHoldMs: oldest }
}

/** Pools to show: those that engines use, in the order of configuration, then replaced ones that are still held. */
export function shownPools(state: PanelState): { pool: Pool; engine: Engine }[] {
  const shown: { pool: Pool; engine: Engine }[] = []
  for (const pool of state.pools.values()) {
    const engine = state.engines.get(pool.engine)
    if (!engine) continue
    if (!pool.retired || [...state.checkouts.values()].some(c => c.pool === pool.id))
      shown.push({ pool, engine })
  }
  return shown.sort((a, b) => Number(a.pool.retired) - Number(b.pool.retired))
}

/** The lanes of a pool by slot; undefined for a slot that was never opened. */
export function lanesOf(state: PanelState, pool: Pick<Pool, 'id' | 'max'>): (Lane | undefined)[] {
  const lanes: (Lane | undefined)[] = Array.from({ length: pool.max }, () => undefined)
  for (const lane of state.lanes.values()) if (lane.pool === pool.id) lanes[lane.slot] = lane
  return lanes
}

/**
 * The page's other connections on the same backend. A borrowed connection has two owners: the engine of its host's
 * pool, if that is watched, and the borrowing engine. The process id alone is not enough, because two servers may have
 * the same.
 */
export function otherOwners(state: PanelState, connection: Connection): Connection[] {
  const { backendPid } = connection
  if (backendPid === null) return []
  const isBorrowed = ({ engine }: Connection) => state.engines.get(engine)?.mode === 'borrowed'
  return [...state.connections.values()].filter(
    other =>
      other.id !== connection.id &&
      other.backendPid === backendPid &&
      other.disconnected === null &&
      connection.disconnected === null &&
      isBorrowed(other) !== isBorrowed(connection),
  )
}

/** The words after an engine's name: how it differs from a plain one. */
export function rolesOf(engine: Engine): string[] {
  const roles: string[] = []
  if (engine.isDefault) roles.push('default')
  if (engine.access === 'read') roles.push('read')
  if (engine.mode === 'autocommit') roles.push('autocommit')
  if (engine.mode === 'borrowed') roles.push('borrowed')
  if (engine.transactions === 'unknown') roles.push('transactions unknown')
  if (engine.closed) roles.push('closed')
  return roles
}
