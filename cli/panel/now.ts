import { poolsSentence } from '../../instrumentation/findings/pools-sentence.ts'
import { count, duration } from '../../instrumentation/model/format.ts'
import { loadOf, shownPools } from '../../instrumentation/model/pool-load.ts'
import { findingBlocks, findingJson, headOf, processOf, type Report } from './report.ts'
import { gap, table, text } from './screen.ts'
import type { Moment } from './watcher.ts'

/** What is true of the process now: how full its pools are, and what is wrong. */
export function now(moment: Moment): Report {
  const { state, now: at } = moment
  const all = moment.findings ?? []
  const findings = all.filter(({ isOver }) => !isOver)
  const over = all.length - findings.length
  const say = poolsSentence(state, at)
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
      say,
      findings: findings.map(finding => findingJson(moment, finding)),
      findingsOver: over,
      pools,
      runningRequests: running.length,
    },
    blocks: [
      headOf(moment),
      text(say),
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
      gap,
      ...(findings.length === 0 ? [text('Nothing is found to be wrong.', 'good')] : []),
      ...findings.flatMap((finding, at) => [...(at === 0 ? [] : [gap]), ...findingBlocks(moment, finding)]),
      ...(over === 0 ? [] : [gap, text(`${count(over, 'finding')} of before: enginelight findings.`, 'dim')]),
    ],
  }
}
