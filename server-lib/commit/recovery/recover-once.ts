import type { Engine } from '../../engines/engine.ts'
import { writesInCommits } from '../install.ts'
import { forgetDecisions, whyNotForgotten } from './forget-decisions.ts'
import { look, type PreparedHere, type Seen } from './look.ts'
import type { PreparedReport, RecoveryReport } from './recovery-report.ts'
import { askAll, carryOut, tell } from './resolve.ts'

export interface PassOptions {
  /** Younger ones are left to their coordinator. */
  readonly olderThanMs: number
  readonly keepDecisionsMs: number
  /** Asks for each decision and carries none out. */
  readonly dryRun: boolean
}

type SeenEngine = Extract<Seen, { state: 'seen' }>

/** How many decisions are asked for at a time: the pools are the application's, and one that is held costs a second or two. */
const AT_ONCE = 4

/**
 * One pass of recovery: ends each old prepared transaction of this application as its decision says, and deletes old
 * decisions. Never rejects.
 *
 * Why it is right while anybody may live, stand still or die at any instant. The coordinator inserts its decision row
 * once, in a transaction that it holds open, and has the answer before it sends the first PREPARE; it commits that
 * transaction when every PREPARE was answered. So whoever sees a prepared transaction comes after the insert, and finds:
 * - the row held open: the coordinator is at work, or stands still. The fence waits and gives up; nothing is touched.
 *   Should it stand still for too long, its server ends that transaction, and its COMMIT will fail.
 * - the row committed: nothing can take that back. COMMIT PREPARED is right whoever else sends it: the second one is
 *   told that there is none, the coordinator too, and both know that it was committed.
 * - no row, since the transaction that held it was rolled back: nobody will ever insert it again, for the coordinator
 *   inserts once. ROLLBACK PREPARED is right, now and in any later pass, so a recoverer may die in between.
 * - no row, since it was committed and deleted: that happens only after everything it lists was ended, the coordinator by
 *   its answers, a recoverer by looking. We have listed it before that, and ROLLBACK PREPARED finds nothing: a name is
 *   used once.
 * A PREPARE that is still on its way when its coordinator gives up arrives after the row is rolled back: the third case.
 */
export async function recoverOnce(
  engines: ReadonlyMap<string, Engine>,
  { olderThanMs, keepDecisionsMs, dryRun }: PassOptions,
): Promise<RecoveryReport> {
  const all = await Promise.all([...engines.values()].filter(writesInCommits).map(look))
  const problems = all.flatMap(one =>
    one.state === 'seen' ? [] : [{ engine: one.engine.name, reason: one.reason }],
  )
  const seen = all.filter(one => one.state === 'seen')
  const prepared = await resolveAll(seen, olderThanMs, dryRun)
  if (!dryRun) for (const one of prepared) tell(one)
  let forgotten = 0
  for (const { engine } of dryRun ? [] : oneForEachLocation(seen)) {
    try {
      forgotten += await forgetDecisions(engine, engines, keepDecisionsMs)
    } catch (error) {
      problems.push({ engine: engine.name, reason: whyNotForgotten(error) })
    }
  }
  const isLeft = ({ outcome }: PreparedReport) => dryRun || outcome === 'young' || outcome === 'in doubt'
  return { dryRun, prepared, problems, forgotten, isClear: problems.length === 0 && !prepared.some(isLeft) }
}

async function resolveAll(
  seen: SeenEngine[],
  olderThanMs: number,
  dryRun: boolean,
): Promise<PreparedReport[]> {
  const reports: PreparedReport[] = []
  const found = eachOnce(seen)
  const next = async (): Promise<void> => {
    for (let item = found.shift(); item; item = found.shift()) {
      const { engine, here } = item
      if (here.ageMs < olderThanMs) {
        const { gid, ageMs, name } = here
        const { transaction } = name
        reports.push({ engine: engine.name, gid, transaction, ageMs, outcome: 'young', reason: null })
        continue
      }
      const { transaction, location } = here.name
      const deciders = seen.filter(one => one.location === location).map(one => one.engine)
      reports.push(await carryOut(engine, here, await askAll(deciders, transaction, location), dryRun))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  return reports.sort((a, b) => b.ageMs - a.ageMs)
}

/** Engines that are connected to one database see the same: the one that prepared it comes first. */
function eachOnce(seen: SeenEngine[]): { engine: Engine; here: PreparedHere }[] {
  const byGid = new Map<string, { engine: Engine; here: PreparedHere }>()
  for (const { engine, prepared } of seen) {
    for (const here of prepared) {
      if (!byGid.has(here.gid) || here.name.engine === engine.name) byGid.set(here.gid, { engine, here })
    }
  }
  return [...byGid.values()]
}

function oneForEachLocation(seen: SeenEngine[]): SeenEngine[] {
  const byLocation = new Map<string, SeenEngine>()
  for (const one of seen) if (one.location !== null) byLocation.set(one.location, one)
  return [...byLocation.values()]
}
