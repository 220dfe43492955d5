import type { Engine } from '../../engines/engine.ts'
import { codeAndMessage } from '../../channels/errors.ts'
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

/** Reads the prepared transactions of an engine's database. Never rejects. */
export async function look(engine: Engine): Promise<Seen> {
  const application = gidApplication(engine.application)
  const { twoPhase, title } = engine.dialect
  if (!twoPhase) return { state: 'not seen', engine, reason: `${title} has no two-phase commit here` }
  try {
    return await onOwnConnection(engine, performance.now() + LOOK_DEADLINE_MS, async ({ send }) => {
      const { standby, installed } = firstRow(await send(twoPhase.lookFacts)) as {
        standby: boolean
        installed: boolean
      }
      // A role that may not read the location can still see and end prepared transactions.
      // A standby has its primary's prepared transactions, but does not show them.
      if (standby) return { state: 'not seen', engine, reason: 'its server is a standby' }
      const { rows } = await send(twoPhase.prepared(`enginelight:${application}:`))
      const prepared: PreparedHere[] = []
      for (const { gid, age_ms } of rows as { gid: string; age_ms: number }[]) {
        const name = parseGid(gid)
        if (name && name.application === application) prepared.push({ gid, name, ageMs: age_ms })
      }
      const ids = installed ? (await send(twoPhase.locationId)).rows : []
      const location = (ids?.[0] as { id: string } | undefined)?.id ?? null
      return { state: 'seen', engine, prepared, location }
    })
  } catch (error) {
    return { state: 'not seen', engine, reason: codeAndMessage(error) }
  }
}
