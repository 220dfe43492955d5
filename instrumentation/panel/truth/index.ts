import { observedEngines, type Reporting } from '../../../server-lib/channels.ts'
import type { EngineTruth, LockTruth, OpenTruth, PreparedTruth } from '../protocol.ts'
import { count, id } from '../recorder/plain.ts'
import { QUESTION } from './question.ts'

const DEADLINE_MS = 1_000
const PIDS = 200
const LOCKS = 50

/** Asks each engine's server, all at once. Whoever cannot be asked without getting in the way says why. */
export function askServers(engines: readonly Reporting[] = observedEngines()): Promise<EngineTruth[]> {
  return Promise.all(engines.map(askServer))
}

async function askServer(asked: Reporting): Promise<EngineTruth> {
  const { description, connections } = asked.report()
  const engine = id(description.engine)
  const pids = connections.flatMap(({ transaction, backendPid }) =>
    transaction === null || backendPid === null ? [] : [backendPid],
  )
  const before = performance.now()
  const rows = await asked.ask?.(QUESTION, [pids.slice(0, PIDS)], DEADLINE_MS)
  if (rows === undefined) return { engine, unasked: 'the engine cannot be asked' }
  if (typeof rows === 'string') return { engine, unasked: id(rows) }
  const prepared: PreparedTruth[] = []
  const open: OpenTruth[] = []
  for (const { pid, gid, owner, age, locks, blocked } of rows) {
    if (typeof pid === 'number') open.push({ pid, locks: locksOf(locks), blockedBy: pidsOf(blocked) })
    else
      prepared.push({ gid: id(gid), owner: id(owner), ageMs: Math.max(0, count(age)), locks: locksOf(locks) })
  }
  return { engine, askedMs: performance.now() - before, prepared, open }
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
