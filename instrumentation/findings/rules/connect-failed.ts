import { ago } from '../../model/format.ts'
import { shownPools } from '../../model/pool-load.ts'
import { finding, type Rule } from '../rule.ts'

/** An engine's last attempt to open a connection failed: a moment ago, or since when it has opened one. */
export const connectFailed: Rule = function* (state, { connectFailedForMs }, now) {
  for (const { pool, engine } of shownPools(state)) {
    const refused = engine.lastConnectError
    if (pool.retired || !refused) continue
    const { at, message } = refused
    const hasOpened = [...state.connections.values()].some(it => it.pool === pool.id && it.connectedAt > at)
    const isOver = hasOpened || now - at >= connectFailedForMs
    const where = engine.server ? ` at ${engine.server}` : ''
    yield finding('connect failed', engine.engine, {
      severity: 'bad',
      since: at,
      isOver,
      about: { engine: engine.engine, pool: pool.id },
      sentence: `${engine.engine} ${isOver ? 'could not' : 'cannot'} connect to its database${where}.`,
      why: isOver ? message : `${message} (${ago(now - at)})`,
    })
  }
}
