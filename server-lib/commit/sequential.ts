import type { EnginelightError } from '../channels/errors.ts'
import { commandOf } from '../dialect/result.ts'
import { commitFailed, partial } from './commit-errors.ts'
import type { Participant } from './participant.ts'
import type { Telling } from './telling.ts'

/**
 * Commits one after the other. Before the first COMMIT all participants vote: deferred constraints are checked, and
 * each connection must answer, so foreseeable failures happen while nothing is committed. Rejects with
 * EL_PARTIAL_COMMIT on a failure after that.
 */
export async function sequential(order: readonly Participant[], telling: Telling): Promise<void> {
  const engines = order.map(({ name }) => name)
  const votes = await Promise.allSettled(
    order.map(one =>
      telling.step(one.name, 'vote', async () =>
        commandOf((await one.send(one.engine.dialect.texts.checkConstraints, one.limitMs)).result),
      ),
    ),
  )
  const against = votes.findIndex(({ status }) => status === 'rejected')
  if (against !== -1) {
    await rollBackAll(order)
    const { reason } = votes[against] as PromiseRejectedResult
    throw commitFailed((order[against] as Participant).engine, 'The check before COMMIT', reason, engines)
  }
  for (const [index, one] of order.entries()) {
    try {
      await one.commit()
    } catch (error) {
      await rollBackAll(order.slice(index + 1))
      if (index === 0 && (error as EnginelightError).code !== 'EL_COMMIT_UNKNOWN') {
        throw commitFailed(one.engine, 'COMMIT', (error as EnginelightError).cause ?? error, engines)
      }
      throw partial(one.name, parts(order), error)
    }
  }
}

async function rollBackAll(participants: readonly Participant[]): Promise<void> {
  await Promise.all(participants.map(one => one.rollback()))
  for (const one of participants) one.outcome = 'rolled back'
}

function parts(order: readonly Participant[]) {
  const named = (...outcomes: string[]) =>
    order.filter(({ outcome }) => outcomes.includes(outcome)).map(({ name }) => name)
  return { committed: named('committed'), failed: named('rolled back'), unknown: named('unknown') }
}
