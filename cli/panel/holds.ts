import { holderOnLane, whyFull } from '../../instrumentation/findings/why-full.ts'
import { LINE_NOT_TAKEN } from '../../server-lib/channels/words.ts'
import { laneStatuses, type LaneStatus } from '../../instrumentation/findings/lane-status.ts'
import { count, duration } from '../../instrumentation/model/format.ts'
import { lanesOf, loadOf, shownPools } from '../../instrumentation/model/pool-load.ts'
import type { Checkout, Connection, Pool } from '../../instrumentation/model/state.ts'
import { UsageError } from '../usage.ts'
import { headOf, processOf, type Report } from './report.ts'
import { gap, table, text, type Block, type TableRow, type Tone } from './screen.ts'
import type { Moment } from './watcher.ts'

/** Who holds the connections of an engine, slot by slot, and who waits: the board of the page in words. */
export function holds(moment: Moment, engine: string): Report {
  const { state } = moment
  if (!state.engines.has(engine)) {
    const known = [...state.engines.keys()].join(', ') || 'none'
    throw new UsageError(`This process has no engine ${engine}; it has ${known}.`)
  }
  const pools = shownPools(state)
    .filter(({ pool }) => pool.engine === engine)
    .map(({ pool }) => boardOf(moment, pool))
  return {
    json: { process: processOf(moment), engine, pools: pools.map(({ json }) => json) },
    blocks: [headOf(moment), ...pools.flatMap(({ blocks }) => blocks)],
  }
}

function boardOf(moment: Moment, pool: Pool): { json: object; blocks: Block[] } {
  const { state, now } = moment
  const { used, max, waiting } = loadOf(state, pool, now)
  const lanes = lanesOf(state, pool)
  const statuses = laneStatuses(state, lanes, waiting.length, now)
  const connectionOn = (slot: number) => state.connections.get(lanes[slot]?.connection ?? '')
  const waiters = waiting.map(checkout => {
    const request = state.requests.get(checkout.request)
    return {
      checkout: checkout.id,
      request: checkout.request,
      label: request?.label ?? checkout.request,
      site: checkout.site,
      waitedMs: now - checkout.askedAt,
    }
  })
  const isFull = waiting.length > 0 && used >= max
  const holders = statuses.flatMap(status => holderOnLane(status) ?? [])
  const asked = waiting.map(({ request }) => request)
  const why = isFull ? whyFull({ holders, waiters: asked, tense: 'now' }) : null
  return {
    json: {
      pool: pool.id,
      max,
      used,
      /** Why nothing is free, where something waits. */
      why,
      lanes: statuses.map((status, slot) => laneJson(status, slot, connectionOn(slot))),
      waiting: waiters,
    },
    blocks: [
      gap,
      text(
        `${pool.engine}, pool ${pool.id}${pool.retired ? ' (replaced)' : ''}: ${used} of ${max} held, ${count(waiting.length, 'request')} ${waiting.length === 1 ? 'waits' : 'wait'}.`,
        isFull ? 'bad' : 'plain',
      ),
      ...(why === null ? [] : [text(why)]),
      table(
        ['slot', 'connection', 'pid', 'state', 'holder'],
        statuses.map((status, slot) => laneRow(status, slot, connectionOn(slot))),
      ),
      ...(waiters.length === 0
        ? []
        : [
            gap,
            table(
              ['waiting', 'request'],
              waiters.map(({ waitedMs, label, request, site }) => ({
                cells: [duration(waitedMs), `${label} ${request}`],
                below: site === null ? [] : [`at ${site}`],
              })),
            ),
          ]),
    ],
  }
}

const TONES: Record<LaneStatus['tone'], Tone> = { calm: 'plain', quiet: 'dim', warn: 'warn', bad: 'bad' }

function laneRow(status: LaneStatus, slot: number, connection: Connection | undefined): TableRow {
  const { request, words, forHow, tone, checkout } = status
  const holder = request
    ? request.kind === 'no context'
      ? request.label
      : `${request.label} ${request.id}`
    : ''
  const pid = connection ? String(connection.backendPid ?? '?') : ''
  return {
    cells: [String(slot), connection?.id ?? '', pid, `${words} ${forHow}`.trim(), holder],
    tone: TONES[tone],
    below: checkout ? lineOf(checkout) : [],
  }
}

const lineOf = ({ site, isLineTaken }: Checkout): string[] => {
  if (site !== null) return [`at ${site}`]
  return isLineTaken ? [] : [LINE_NOT_TAKEN]
}

const laneJson = (
  { request, checkout, words, phase, forMs, overMs }: LaneStatus,
  slot: number,
  connection: Connection | undefined,
) => ({
  slot,
  connection: connection?.id ?? null,
  backendPid: connection?.backendPid ?? null,
  phase,
  words,
  forMs,
  /** How long ago the holder's request ended, where the hold is a leak. */
  leakedMs: overMs,
  checkout: checkout?.id ?? null,
  request: request?.id ?? null,
  label: request?.label ?? null,
  site: checkout?.site ?? null,
})
