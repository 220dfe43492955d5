import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import {
  ANYTHING,
  BOOLEAN,
  checkOptions,
  milliseconds,
  NUMBER,
  oneOf,
  orFalse,
  type Asker,
  type Needs,
} from '../channels/options.ts'
import { transactionsAreDisabled } from './disable-transaction.ts'
import { isPoolSource } from './driver-pool.ts'
import type { CheckedOptions, EngineConfig } from './engine-config.ts'
import { MODES } from './modes.ts'

const NEEDS: Needs<EngineConfig> = {
  connection: ANYTHING,
  knex: ANYTHING,
  pool: ANYTHING,
  borrowed: ANYTHING,
  default: BOOLEAN,
  access: oneOf(['read', 'write']),
  mode: oneOf(['transaction', 'autocommit']),
  enlist: oneOf(['atomic', 'independent']),
  transactional: BOOLEAN,
  priority: NUMBER,
  checkoutTimeoutMs: milliseconds(),
  connectTimeoutMs: milliseconds(),
  statementTimeoutMs: milliseconds(),
  idleInTransactionTimeoutMs: milliseconds(),
  heldWarningMs: orFalse(milliseconds()),
  idleInTransactionWarningMs: orFalse(milliseconds()),
  commitTimeoutMs: milliseconds(),
  resolveUnknownCommit: BOOLEAN,
  rollbackOnCheckout: BOOLEAN,
  resetOnRelease: BOOLEAN,
  pipeline: BOOLEAN,
  holderLines: oneOf(['always', 'when busy', 'never']),
  traceRows: BOOLEAN,
}

/** Options without meaning when the transaction and the connection are a host's. */
const NOT_BORROWED = [
  'mode',
  'enlist',
  'priority',
  'transactional',
  'connectTimeoutMs',
  'idleInTransactionTimeoutMs',
  'commitTimeoutMs',
  'resolveUnknownCommit',
  'rollbackOnCheckout',
  'resetOnRelease',
  'pipeline',
] as const satisfies readonly (keyof EngineConfig)[]

/** The least time for the answer to a BEGIN, however short the wait for a connection may be. */
const SHORTEST_BEGIN_MS = 500

/** Checks an engine's options and fills in the defaults. Throws EL_CONFIG at the first wrong option; opens nothing. */
export function checkEngine(name: string, config: EngineConfig): CheckedOptions {
  const asker: Asker = {
    name: `Engine "${name}"`,
    fields: { engine: name },
    noObject: given => `Engine "${name}" needs a config object, not ${given}.`,
  }
  checkOptions(asker, config, NEEDS)
  checkSource(name, config)
  const isBorrowed = config.borrowed !== undefined
  if (isBorrowed) refuseOwnTransactions(name, config)
  const mode = isBorrowed ? 'borrowed' : (config.mode ?? 'transaction')
  const enlist = isBorrowed ? 'independent' : (config.enlist ?? 'atomic')
  const { transactional = false, checkoutTimeoutMs = 10_000 } = config
  const isDisabled = transactionsAreDisabled()
  const { heldWarningMs = 30_000, idleInTransactionWarningMs = 10_000 } = config
  if (transactional && (mode === 'autocommit' || enlist === 'independent')) {
    const other = mode === 'autocommit' ? "mode 'autocommit'" : "enlist 'independent'"
    throw wrong(name, `: transactional cannot go with ${other}: there is nothing to commit.`, 'transactional')
  }
  return {
    isDefault: config.default ?? false,
    access: config.access ?? 'write',
    mode,
    rule: MODES[mode],
    enlist,
    transactional: transactional && !isDisabled,
    priority: config.priority ?? 0,
    checkoutTimeoutMs,
    beginTimeoutMs: Math.max(SHORTEST_BEGIN_MS, Math.ceil(checkoutTimeoutMs / 2)),
    connectTimeoutMs: config.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: config.statementTimeoutMs,
    idleInTransactionTimeoutMs: config.idleInTransactionTimeoutMs,
    heldWarningMs: heldWarningMs || undefined,
    idleInTransactionWarningMs: idleInTransactionWarningMs || undefined,
    commitTimeoutMs: config.commitTimeoutMs ?? 30_000,
    resolveUnknownCommit: config.resolveUnknownCommit ?? false,
    rollbackOnCheckout: config.rollbackOnCheckout ?? MODES[mode].begins,
    resetOnRelease: config.resetOnRelease ?? false,
    pipeline: config.pipeline ?? true,
    holderLines: config.holderLines ?? (process.env.NODE_ENV === 'production' ? 'when busy' : 'always'),
    traceRows: config.traceRows ?? false,
  }
}

function checkSource(name: string, config: EngineConfig): void {
  const isPool = isPoolSource(config.pool)
  // Beside a connection, `pool` holds the sizes.
  const sources = (['connection', 'knex', 'pool', 'borrowed'] as const).filter(
    source =>
      config[source] !== undefined && !(source === 'pool' && config.connection !== undefined && !isPool),
  )
  const isMissing = (source: keyof EngineConfig) => source in config && config[source] === undefined
  const missing =
    sources.length > 1 ? undefined : (['connection', 'knex', 'borrowed'] as const).find(isMissing)
  if (missing !== undefined && !isPool) {
    const why =
      missing === 'connection' ? 'is an environment variable not set?' : 'is it imported before it is made?'
    throw wrong(name, `: ${missing} is undefined: ${why}`, missing)
  }
  if (config.pool !== undefined && config.connection === undefined && !isPool) {
    const isSizes = typeof config.pool === 'object' && config.pool !== null && !('connect' in config.pool)
    const sizes = isSizes ? '; sizes of a pool go beside a connection' : ''
    const needs = `a pg.Pool, or a function that makes one${sizes}`
    throw wrong(name, `: option pool must be ${needs}, not ${describe(config.pool)}.`, 'pool')
  }
  if (sources.length !== 1) {
    const has = sources.join(' and ') || 'none'
    throw wrong(name, ` needs exactly one of connection, knex, pool (a pg.Pool) or borrowed; it has ${has}.`)
  }
}

function refuseOwnTransactions(name: string, config: EngineConfig): void {
  const option = NOT_BORROWED.find(one => config[one] !== undefined)
  if (option === undefined) return
  const why = "is not for a borrowed engine, whose connection and transaction are its host's"
  throw wrong(name, `: option ${option} ${why}.`, option)
}

function wrong(name: string, rest: string, option?: string): EnginelightError {
  return new EnginelightError('EL_CONFIG', `Engine "${name}"${rest}`, {
    engine: name,
    ...(option !== undefined && { option }),
  })
}
