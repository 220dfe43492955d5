import { judgeRequest } from '../../instrumentation/findings/index.ts'
import { isSettled, outcomeOf, OUTCOME_GLYPH } from '../../instrumentation/findings/outcome.ts'
import { thresholdsOf } from '../../instrumentation/findings/thresholds.ts'
import { verdictOf } from '../../instrumentation/findings/verdict.ts'
import { stalledMs } from '../../instrumentation/findings/without-stalls.ts'
import { clockTime, duration } from '../../instrumentation/model/format.ts'
import { LEDGER_ENTRIES, ledgerOf } from '../../instrumentation/model/ledger.ts'
import { NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { UsageError } from '../usage.ts'
import { findingBlocks, findingJson, headOf, isoOf, processOf, type Report } from './report.ts'
import { gap, table, text } from './screen.ts'
import { statementJson, statementTable } from './statements.ts'
import type { Moment } from './watcher.ts'

/** Where the time of one request went, what is wrong with it, and its statements. */
export function request(moment: Moment, id: string): Report {
  const { state, hello } = moment
  const request = state.requests.get(id)
  if (!request || id === NO_CONTEXT)
    throw new UsageError(`This process knows no request ${id}: it is too long ago, or of another run.`)
  const until = isSettled(request) ? request.endedAt! : moment.now
  const found = judgeRequest(request, thresholdsOf(state), moment.now, state)
  const ledger = ledgerOf(request, until)
  const verdict = verdictOf(request, ledger, found, stalledMs(state.stalls, request.startedAt, until))
  const outcome = outcomeOf(request, until)
  const times = LEDGER_ENTRIES.map(entry => [entry, ledger[entry] / 1_000] as const)
  const wallMs = ledger.wall / 1_000
  const status = request.status === null ? '' : `, ${request.status}`
  return {
    json: {
      process: processOf(moment),
      request: {
        id,
        kind: request.kind,
        label: request.label,
        status: request.status,
        outcome,
        startedAt: isoOf(moment, request.startedAt),
        endedAt: request.endedAt === null ? null : isoOf(moment, request.endedAt),
        wallMs,
        verdict,
        ledgerMs: Object.fromEntries(times),
        engines: request.engines,
        findings: found.map(finding => findingJson(moment, finding)),
        transactions: request.transactions.map(transaction => transaction.id),
        statements: request.statements.map(statementJson),
        /** Beyond the limit, by text and line. */
        counted: request.counted,
      },
    },
    blocks: [
      headOf(moment),
      text(`${request.label} ${id}: ${OUTCOME_GLYPH[outcome]} ${outcome}${status}`),
      text(`${duration(wallMs)} from ${clockTime(hello.timeOrigin + request.startedAt, true)}`),
      text(verdict),
      gap,
      table(
        ['time', 'share', 'spent'],
        times
          .filter(([, ms]) => ms > 0)
          .map(([entry, ms]) => ({ cells: [duration(ms), `${Math.round((ms / wallMs) * 100)} %`, entry] })),
      ),
      gap,
      table(
        ['engine', 'status'],
        Object.entries(request.engines).map(cells => ({ cells })),
      ),
      ...found.flatMap(finding => [gap, ...findingBlocks(moment, finding)]),
      gap,
      ...statementTable(request.statements, request.startedAt, request.counted),
    ],
  }
}
