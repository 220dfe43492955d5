import { channels } from 'enginelight/channels'

/** An engine with open connections, told of as the library would. Its slots are numbered from 0. */
export function declare({ engine, pool, slots }) {
  const at = performance.now()
  const description = {
    engine,
    pool,
    isDefault: true,
    system: 'postgresql',
    mode: 'transaction',
    access: 'write',
    enlist: 'atomic',
    transactional: false,
    source: 'connection',
    owned: true,
    min: 0,
    max: slots,
    checkoutTimeoutMs: 10_000,
    heldWarningMs: 30_000,
    idleInTransactionWarningMs: 10_000,
    transactions: 'told',
    serverAddress: '127.0.0.1',
    serverPort: 5432,
    database: 'shop',
    application: 'bench',
    pid: process.pid,
    thread: 0,
  }
  channels.engine.publish({ phase: 'declared', at, engine, description })
  for (let slot = 0; slot < slots; slot++)
    channels.pool.publish({ phase: 'connected', at, engine, pool, ...lineOf(slot) })
}

/** The connection of a slot. */
export const lineOf = slot => ({ connection: `c${slot}`, slot, backendPid: 4711 + slot })
