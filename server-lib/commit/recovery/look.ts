import type { Engine } from '../../engines/engine.ts'
import { codeAndMessage } from '../../channels/errors.ts'
import { LOCATION_ID, LOCATION_TABLE } from '../../postgres/two-phase/decision.ts'
import { gidApplication, parseGid, type Gid } from '../gid.ts'
import { firstRow, onOwnConnection } from '../../sessions/own-connection.ts'

/** A prepared transaction of this application. */
export interface PreparedHere {
  readonly gid: string
  readonly name: Gid
  readonly ageMs: number
}

/** What an engine's database holds, or why that could not be seen. */
export type Seen =
  | {
      readonly state: 'seen'
      readonly engine: Engine
      readonly prepared: readonly PreparedHere[]
      /** The database's id, where `install()` ran. */
      readonly location: string | null
    }
  | { readonly state: 'not seen'; readonly engine: Engine; readonly reason: string }

const LOOK_DEADLINE_MS = 10_000

/**
 * Only those of its own database: a prepared transaction can be ended nowhere else. The age is by the server's clock,
 * which also set the timestamp.
 */
const PREPARED = `SELECT gid, greatest(0, extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS age_ms
  FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1) ORDER BY prepared`
/** A role that may not read the location can still see and end prepared transactions. */
const FACTS = `SELECT pg_is_in_recovery() AS standby,
  coalesce(has_table_privilege(to_regclass('${LOCATION_TABLE}')::oid, 'SELECT'), false) AS installed`

/** Reads the prepared transactions of an engine's database. Never rejects. */
export async function look(engine: Engine): Promise<Seen> {
  const application = gidApplication(engine.application)
  try {
    return await onOwnConnection(engine, performance.now() + LOOK_DEADLINE_MS, async ({ send }) => {
      const { standby, installed } = firstRow(await send(FACTS)) as { standby: boolean; installed: boolean }
      // A standby has its primary's prepared transactions, but does not show them.
      if (standby) return { state: 'not seen', engine, reason: 'its server is a standby' }
      const { rows } = await send({ text: PREPARED, values: [`enginelight:${application}:`] })
      const prepared: PreparedHere[] = []
      for (const { gid, age_ms } of rows as { gid: string; age_ms: number }[]) {
        const name = parseGid(gid)
        if (name && name.application === application) prepared.push({ gid, name, ageMs: age_ms })
      }
      const ids = installed ? (await send(LOCATION_ID)).rows : []
      const location = (ids?.[0] as { id: string } | undefined)?.id ?? null
      return { state: 'seen', engine, prepared, location }
    })
  } catch (error) {
    return { state: 'not seen', engine, reason: codeAndMessage(error) }
  }
}
