import { groupBy } from '../../model/group-by.ts'
import { count, duration } from '../../model/format.ts'
import { unionMs } from '../../model/union-of.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** Shorter waits are those of a busy machine. */
const WAITED_MS = 5
const LEAST = 2

/** Statements that were sent at once waited for each other, because they share a connection. */
export const queued: RequestRule = function* (request) {
  const waited = request.statements.filter(({ queuedMs }) => queuedMs >= WAITED_MS)
  if (waited.length < LEAST) return
  for (const [connection, waiting] of groupBy(waited, statement => statement.connection)) {
    const [first] = waiting
    if (!first || waiting.length < LEAST) continue
    const waits = waiting.map(({ startedAt, queuedMs }) => ({ from: startedAt - queuedMs, to: startedAt }))
    // One after another is a sequence; only waits beside each other are of statements that were sent at once.
    const together = unionMs(waits)
    const longest = Math.max(...waiting.map(({ queuedMs }) => queuedMs))
    const sum = waiting.reduce((ms, { queuedMs }) => ms + queuedMs, 0)
    if (sum <= together * 1.01) continue
    const { id, engine, session, site } = first
    yield finding('queued', `${request.id} ${connection}`, {
      severity: 'note',
      since: waits[0]!.from,
      lastSeen: waiting.at(-1)!.startedAt,
      about: { engine, connection, statement: id, request: request.id, session: session ?? undefined },
      site,
      sentence: `${count(waiting.length, 'statement')} of ${nameOf(request, request.id)} queued behind another on one connection of ${engine}${site ? `, from ${site}` : ''}; the last waited ${duration(longest)}.`,
      why: 'One connection runs one statement at a time: what is sent at once still takes its turn.',
    })
  }
}
