import { duration } from '../model/format.ts'
import { isShared, type Told } from './tell-transaction.ts'

/** One plain sentence on why a transaction is in its state. */
export function transactionVerdict(told: Told): string {
  const { transaction, request, commit, fate, why, site } = told
  const at = site ? ` at ${site}` : ''
  switch (fate) {
    case 'open':
      return `Open: nothing of it can be seen by others, and what it has locked is locked, until it ends.`
    case 'failed':
      return `Only a rollback is possible: ${why}${at}.`
    case 'ending':
      return `It is being ended: ${why}${at}.`
    case 'prepared':
      return commit && commit.endedAt === null
        ? 'Prepared: it waits for the decision of its commit.'
        : 'Prepared and not ended: its locks are held until somebody commits it or rolls it back.'
    case 'committed': {
      const with_ = isShared(commit)
        ? `, together with ${commit.participants
            .filter(p => p.session !== transaction.session)
            .map(p => p.engine)
            .join(' and ')}, in ${commit.mode === 'two-phase' ? 'two phases' : 'one commit'}`
        : ''
      return `The server committed it${with_}${at}.`
    }
    case 'refused':
      return `Nothing was kept: ${why}${at}.`
    case 'lied': {
      const asked = transaction.asked === 'prepare' ? 'PREPARE TRANSACTION' : 'COMMIT'
      return `Nothing was kept: the server answered ${asked} with ROLLBACK${transaction.failed ? `, for ${why}${at}` : at}.`
    }
    case 'lost': {
      const last = request?.statements.findLast(s => s.connection === transaction.connection)
      const code = last?.error?.code ? `: ${last.error.code}` : ''
      return transaction.ending?.why === 'commit'
        ? `The connection was lost while it was being committed${code}; what the server made of it, its commit says.`
        : `Its connection was lost${code}, so the server rolled it back${at}.`
    }
    case 'rolled back':
      if (commit?.error)
        return `Rolled back: the commit failed with ${commit.error.code ?? commit.error.message}${at}.`
      return `Rolled back: ${why}${at}${transaction.failed ? '' : ` after ${duration((transaction.endedAt ?? 0) - transaction.startedAt)}`}.`
    case 'read only':
      return `It only read, so ending it with a rollback lost nothing: ${why}${at}.`
    default:
      return fate satisfies never
  }
}
