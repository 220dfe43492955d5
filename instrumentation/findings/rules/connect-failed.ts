import { ago } from '../../model/format.ts'
import { shownPools } from '../../model/pool-load.ts'
import { finding, type Rule } from '../rule.ts'

/** An engine's last attempt to open a connection failed a moment ago. */
export const connectFailed: Rule = function* (state, { connectFailedForMs }, now) {
  for (const { pool, engine } of shownPools(state)) {
    const refused = engine.lastConnectError
    if (pool.retired || !refused || now - refused.at >= connectFailedForMs) continue
    yield finding('connect failed', engine.engine, {
      severity: 'bad',
      since: refused.at,
      about: { engine: engine.engine, pool: pool.id },
      sentence: `${engine.engine} cannot connect to its database${engine.server ? ` at ${engine.server}` : ''}.`,
      why: `${refused.message} (${ago(now - refused.at)})`,
    })
  }
}
