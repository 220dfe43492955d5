import { EnginelightError } from '../channels/errors.ts'
import type { Language } from '../dialect/language.ts'
import type { CheckedOptions } from './engine-config.ts'

/** What an option needs of the database, in words, and whether a database has it. */
const NEEDS: readonly {
  readonly option: string
  isAsked(options: CheckedOptions): boolean
  has(dialect: Language): boolean
  readonly what: string
}[] = [
  {
    option: 'access',
    isAsked: ({ access }) => access === 'read',
    has: ({ readOnlyTransactions }) => readOnlyTransactions,
    what: 'transactions that only read',
  },
  {
    option: 'statementTimeoutMs',
    isAsked: ({ statementTimeoutMs, rule }) => statementTimeoutMs !== undefined && rule.begins,
    has: ({ serverTimeouts }) => serverTimeouts,
    what: 'a limit for statements',
  },
  {
    option: 'idleInTransactionTimeoutMs',
    isAsked: ({ idleInTransactionTimeoutMs }) => idleInTransactionTimeoutMs !== undefined,
    has: ({ serverTimeouts }) => serverTimeouts,
    what: 'a limit for idle transactions',
  },
  {
    option: 'resolveUnknownCommit',
    isAsked: ({ resolveUnknownCommit }) => resolveUnknownCommit,
    has: ({ unknownCommit }) => unknownCommit !== undefined,
    what: 'a way to ask for the outcome of a lost COMMIT',
  },
]

/** Throws EL_CONFIG for an option that the engine's database cannot keep. */
export function requireCapabilities(name: string, dialect: Language, options: CheckedOptions): void {
  const missing = NEEDS.find(need => need.isAsked(options) && !need.has(dialect))
  if (!missing) return
  throw new EnginelightError(
    'EL_CONFIG',
    `Engine "${name}": option ${missing.option} needs ${missing.what}, which ${dialect.title} does not have.`,
    { engine: name, option: missing.option },
  )
}
