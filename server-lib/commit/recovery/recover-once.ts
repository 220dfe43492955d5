import type { Engine } from '../../engines/engine.ts'
import { writesInCommits } from '../install.ts'
import { forgetDecisions, whyNotForgotten } from './forget-decisions.ts'
import { look, type PreparedHere, type Seen } from './look.ts'
import type { PreparedReport, RecoveryReport } from './recovery-report.ts'
import { askAll, carryOut, tell } from './resolve.ts'

export interface PassOptions {
  /** Younger prepared transactions are left to their coordinator. */
  readonly olderThanMs: number
  readonly keepDecisionsMs: number
  /** Asks for each decision but carries none out. */
  readonly dryRun: boolean
}

type SeenEngine = Extract<Seen, { state: 'seen' }>

/** How many decisions to ask for at a time. The pools are the application's, and a row held open costs a second or two. */
const AT_ONCE = 4

/**
 * One pass of recovery: ends each old prepared transaction of this application as its decision says, and deletes old
 * decisions. Never rejects.
 *
 * Why this is right while any process may live, stall or die at any instant: the coordinator inserts its decision row
 * once, in a transaction that it holds open, and has the answer before it sends the first PREPARE. It commits that
 * transaction after every PREPARE was answered. So a process that sees a prepared transaction comes after the insert,
 * and finds one of these:
 * - the row held open: the coordinator is working or stalled. The fence waits and gives up; nothing is changed. If the
 *   coordinator stalls for too long, its server ends that transaction, and its COMMIT will fail.
 * - the row committed: that is final. COMMIT PREPARED is right even if others send it too: the second sender is told
 *   that there is no such transaction, even if it is the coordinator, and both know that it was committed.
 * - no row, because its transaction was rolled back: it is never inserted again, because the coordinator inserts once.
 *   ROLLBACK PREPARED is right, now and in any later pass, so a recovering process may die in between.
 * - no row, because it was committed and deleted: that happens only after everything it lists was ended, which the
 *   coordinator knows by the answers and recovery by looking. The prepared transaction was seen before that, and
 *   ROLLBACK PREPARED finds none: a name is used once.
 *
 * A PREPARE still on its way when its coordinator gives up arrives after the row is rolled back: the third case.
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

/**
 * Lists each prepared transaction once. Engines connected to one database see the same; the one that prepared it is
 * preferred.
 */
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
