import type { Engine } from '../../engines/engine.ts'
import { codeAndMessage } from '../../channels/errors.ts'
import type { PreparedPart, TwoPhase } from '../../dialect/two-phase.ts'
import { gidApplication } from '../gid.ts'
import { onOwnConnection } from '../../sessions/own-connection.ts'

interface DecisionRow {
  readonly transaction: string
  readonly participants: readonly PreparedPart[]
}

const FORGET_DEADLINE_MS = 10_000
/**
 * Deletes old decisions that all participants have carried out and whose coordinator did not delete them. A decision
 * deleted too early reads as an abort. So it is deleted only when each prepared transaction that it lists is seen to be
 * absent, under three conditions. The check comes after the row was read: by then all had been prepared, so an absent
 * one has been ended. It runs on a server that accepts writes, and in the database that the row names. If one cannot be
 * checked, the decision stays.
 *
 * The age protects a coordinator that was stopped between its COMMIT and the answer: it may ask for the outcome when it
 * resumes, and a missing row would tell it "aborted".
 */
export async function forgetDecisions(
  decider: Engine,
  engines: ReadonlyMap<string, Engine>,
  keepDecisionsMs: number,
): Promise<number> {
  const until = performance.now() + FORGET_DEADLINE_MS
  const { oldDecisions, deleteOld } = decider.dialect.twoPhase as TwoPhase
  const rows = await onOwnConnection(decider, until, async ({ send }) => {
    const result = await send(oldDecisions(gidApplication(decider.application), keepDecisionsMs))
    return result.rows as DecisionRow[]
  })
  if (rows.length === 0) return 0
  const absent = await absentParts(
    rows.flatMap(({ participants }) => participants),
    engines,
    until,
  )
  const done = rows.filter(({ participants }) => participants.every(part => absent.has(part)))
  if (done.length === 0) return 0
  return onOwnConnection(decider, until, async ({ send }) => {
    const result = await send(deleteOld(done.map(({ transaction }) => transaction)))
    return result.rowCount ?? 0
  })
}

async function absentParts(
  parts: readonly PreparedPart[],
  engines: ReadonlyMap<string, Engine>,
  until: number,
): Promise<Set<PreparedPart>> {
  const absent = new Set<PreparedPart>()
  for (const [name, engine] of engines) {
    const own = parts.filter(part => part.engine === name)
    if (own.length === 0) continue
    const seen = await stillThere(engine, own, until).catch(() => undefined)
    if (!seen) continue
    for (const part of own) {
      if (part.database === seen.database && !seen.still.includes(part.gid)) absent.add(part)
    }
  }
  return absent
}

async function stillThere(engine: Engine, parts: readonly PreparedPart[], until: number) {
  const { twoPhase } = engine.dialect
  if (!twoPhase) return undefined
  return onOwnConnection(engine, until, async ({ send }) => {
    const { rows } = await send(twoPhase.stillPrepared(parts.map(({ gid }) => gid)))
    return rows?.[0] as { database: string; still: string[] } | undefined
  })
}

export const whyNotForgotten = (error: unknown) =>
  `old decisions could not be deleted: ${codeAndMessage(error)}`
