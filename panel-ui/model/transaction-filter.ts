import { isShared, type Told } from '../../instrumentation/findings/tell-transaction.ts'

type Test = (told: Told) => boolean

export const TRANSACTION_WORDS = ['committed', 'rolled-back', 'refused', 'lied', 'two-phase'] as const

/** Without this word, transactions that only read are left out: in most applications they are nearly all. */
export const WITH_READS = 'with-reads'

/**
 * The query box of transactions: words that must all match. An outcome, `engine:writer`, `two-phase`, `savepoints`,
 * `with-reads`; any other word is searched for in the owner, the ids, the lines of code and the reasons. A `-` in front
 * negates a word.
 */
export function transactionFilter(query: string): Test {
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const withReads = words.includes(WITH_READS)
  const tests = words.filter(word => word !== WITH_READS).map(testOf)
  return told => (withReads || told.fate !== 'read only') && tests.every(test => test(told))
}

function testOf(word: string): Test {
  if (word.startsWith('-') && word.length > 1) {
    // One minus or several, each of which negates again.
    const minuses = /^-+(?=.)/.exec(word)![0].length
    const test = testOf(word.slice(minuses))
    return told => test(told) === (minuses % 2 === 0)
  }
  if (word.startsWith('engine:')) {
    const name = word.slice('engine:'.length)
    return ({ transaction }) => transaction.engine.toLowerCase().includes(name)
  }
  return (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined) ?? (told => textOf(told).includes(word))
}

const WORDS: Record<string, Test> = {
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
}

function textOf({ transaction, request, commit, site, why }: Told): string {
  const { id, engine, connection } = transaction
  const parts = [id, engine, connection, site, transaction.site, why, request?.label, request?.id]
  return [...parts, commit?.id, commit?.key].join('\n').toLowerCase()
}
