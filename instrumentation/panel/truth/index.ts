import { observedEngines, type EngineReport, type Reporting } from '../../../server-lib/channels/index.ts'
import type { EngineTruth, LockTruth, OpenTruth, PreparedTruth } from '../../model/protocol.ts'
import { count, id } from '../recorder/plain.ts'

const DEADLINE_MS = 1_000
const PIDS = 200
const LOCKS = 50

/**
 * Asks each database once, over a connection that one of its engines has to spare. If a database cannot be asked
 * without getting in the way, each of its engines gets the reason.
 */
export async function askServers(engines: readonly Reporting[] = observedEngines()): Promise<EngineTruth[]> {
  const databases = new Map<string, Asked[]>()
  for (const engine of engines) {
    const asked = { engine, report: engine.report() }
    const { serverAddress, serverPort, database, pool } = asked.report.description
    // If the server is not known, it may be another one.
    const key = serverAddress === null ? pool : `${serverAddress}:${serverPort}/${database}`
    const others = databases.get(key)
    if (others) others.push(asked)
    else databases.set(key, [asked])
  }
  return (await Promise.all([...databases.values()].map(askDatabase))).flat()
}

interface Asked {
  readonly engine: Reporting
  readonly report: EngineReport
}

async function askDatabase(asked: readonly Asked[]): Promise<EngineTruth[]> {
  const pids = asked.flatMap(({ report }) => [...ofInterest(report).keys()]).slice(0, PIDS)
  const before = performance.now()
  const refusals: string[] = []
  for (const { engine } of asked) {
    const rows = (await engine.askTruth?.(pids, DEADLINE_MS)) ?? 'the engine cannot be asked'
    if (typeof rows !== 'string') return asked.map(one => truthOf(one, rows, performance.now() - before))
    refusals.push(rows)
  }
  return asked.map(({ report }, index) => ({
    engine: id(report.description.engine),
    unasked: id(refusals[index]),
  }))
}

/**
 * Each engine of a database gets everything that is prepared in it, but only its own backends: those in a transaction,
 * and those that wait for a lock.
 */
function truthOf({ report }: Asked, rows: readonly Record<string, unknown>[], askedMs: number): EngineTruth {
  const own = ofInterest(report)
  const prepared: PreparedTruth[] = []
  const open: OpenTruth[] = []
  for (const { pid, gid, owner, age, locks, blocked } of rows) {
    if (typeof pid !== 'number')
      prepared.push({ gid: id(gid), owner: id(owner), ageMs: Math.max(0, count(age)), locks: locksOf(locks) })
    else if (own.has(pid)) {
      const blockedBy = pidsOf(blocked)
      if (own.get(pid) || blockedBy.length > 0) open.push({ pid, locks: locksOf(locks), blockedBy })
    }
  }
  return { engine: id(report.description.engine), askedMs, prepared, open }
}

/** The backends of connections that are held, and whether a transaction is open on each. */
function ofInterest({ connections }: EngineReport): Map<number, boolean> {
  const pids = new Map<number, boolean>()
  for (const { status, transaction, backendPid, holder } of connections) {
    // A BEGIN that is pipelined with a blocked statement is not answered until that statement is: until then the status
    // still says idle.
    const isOpen = transaction !== null || status === 'T' || status === 'E'
    if (backendPid !== null && (isOpen || holder !== null)) pids.set(backendPid, isOpen)
  }
  return pids
}

function locksOf(value: unknown): LockTruth[] {
  if (!Array.isArray(value)) return []
  return (value as unknown[][])
    .slice(0, LOCKS)
    .map(([what, mode, granted]) => [id(what), id(mode), granted === true])
}

function pidsOf(value: unknown): number[] {
  return Array.isArray(value) ? value.slice(0, LOCKS).map(count) : []
}
