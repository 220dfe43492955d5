import { isShared, type Told } from '../../instrumentation/findings/tell-transaction.ts'
import { engineKey, readFilter, slowKey, wordsOf, type Filter, type Grammar } from './filter.ts'

export const TRANSACTION_WORDS = ['committed', 'rolled-back', 'refused', 'lied', 'two-phase'] as const

/** Without this word, transactions that only read are left out: in most applications they are nearly all. */
export const WITH_READS = 'with-reads'

/** Any other word is searched for in the owner, the ids, the lines of code and the reasons. */
export const TRANSACTIONS: Grammar<Told> = {
  keys: {
    engine: engineKey(({ transaction }) => [transaction.engine]),
    slow: slowKey(({ transaction }, now) => (transaction.endedAt ?? now) - transaction.startedAt),
  },
  words: {
    open: ({ transaction }) => transaction.endedAt === null,
    committed: ({ fate }) => fate === 'committed',
    'rolled-back': ({ fate }) => ['rolled back', 'refused', 'lied'].includes(fate),
    lied: ({ fate }) => fate === 'lied',
    refused: ({ fate }) => fate === 'refused',
    lost: ({ fate }) => fate === 'lost',
    failed: ({ transaction }) => transaction.failed !== null,
    prepared: ({ transaction }) => transaction.outcome === 'prepared',
    'two-phase': ({ commit }) => commit?.mode === 'two-phase',
    shared: ({ commit }) => isShared(commit),
    savepoints: ({ transaction }) => transaction.savepoints.length > 0,
    [WITH_READS]: () => true,
  },
  orders: {
    state: ({ fate }) => fate,
    ended: ({ transaction }) => transaction.endedAt ?? Infinity,
    lasted: ({ transaction }, now) => (transaction.endedAt ?? now) - transaction.startedAt,
    owner: ({ request }) => request?.label ?? '',
    engine: ({ transaction }) => transaction.engine,
    statements: ({ transaction }) => transaction.statements,
    why: ({ why }) => why,
  },
  text: textOf,
}

export function transactionFilter(query: string): Filter<Told> {
  const withReads = wordsOf(query.toLowerCase()).includes(WITH_READS)
  const { matches, ...filter } = readFilter(TRANSACTIONS, query)
  return {
    ...filter,
    matches: (told, now) => (withReads || told.fate !== 'read only') && matches(told, now),
  }
}

function textOf({ transaction, request, commit, site, why }: Told): string {
  const { id, engine, connection } = transaction
  const parts = [id, engine, connection, site, transaction.site, why, request?.label, request?.id]
  return [...parts, commit?.id, commit?.key].join('\n').toLowerCase()
}
