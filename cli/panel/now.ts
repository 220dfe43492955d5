import { homeSentence } from '../../instrumentation/findings/home-sentence.ts'
import { duration } from '../../instrumentation/model/format.ts'
import { loadOf, shownPools } from '../../instrumentation/model/pool-load.ts'
import { findingBlocks, findingJson, headOf, processOf, type Report } from './report.ts'
import { gap, table, text } from './screen.ts'
import type { Moment } from './watcher.ts'

/** What is true of the process now: the light, the findings, and how full its pools are. */
export function now(moment: Moment): Report {
  const { state, now: at } = moment
  const findings = moment.findings ?? []
  const light = homeSentence(findings, state, at)
  const pools = shownPools(state).map(({ pool, engine }) => {
    const { used, max, waiting, oldestHoldMs } = loadOf(state, pool, at)
    const longestWaitMs =
      waiting.length === 0 ? null : Math.max(...waiting.map(({ askedAt }) => at - askedAt))
    return {
      engine: engine.engine,
      pool: pool.id,
      used,
      max,
      waiting: waiting.length,
      longestWaitMs,
      oldestHoldMs,
    }
  })
  const running = [...state.requests.values()].filter(
    ({ endedAt, kind }) => endedAt === null && kind !== 'no context',
  )
  const orDash = (ms: number | null) => (ms === null ? '–' : duration(ms))
  return {
    json: {
      process: processOf(moment),
      light,
      findings: findings.map(finding => findingJson(moment, finding)),
      pools,
      runningRequests: running.length,
    },
    blocks: [
      headOf(moment),
      text(light.say, light.tone),
      // Where a finding says it, the reason follows there.
      ...(light.why && findings.every(({ sentence }) => sentence !== light.say) ? [text(light.why)] : []),
      gap,
      table(
        ['engine', 'pool', 'used', 'waiting', 'longest wait', 'oldest hold'],
        pools.map(({ engine, pool, used, max, waiting, longestWaitMs, oldestHoldMs }) => ({
          cells: [
            engine,
            pool,
            `${used} of ${max}`,
            String(waiting),
            orDash(longestWaitMs),
            orDash(oldestHoldMs),
          ],
          tone: waiting > 0 && used >= max ? 'bad' : 'plain',
        })),
      ),
      ...findings.flatMap(finding => [gap, ...findingBlocks(moment, finding)]),
    ],
  }
}
