import { createRequire } from 'node:module'
import knexFactory, { type Knex } from 'knex'
import { know } from '../../dialect/known-dialects.ts'
import type { Control } from '../../dialect/control.ts'
import type { Dialect } from '../../dialect/dialect.ts'
import type { DriverResult } from '../../dialect/result.ts'
import { NO_STREAMS } from '../../dialect/stream.ts'
import { knowDatabase, type Database } from '../../engines/database.ts'
import { SqliteConnection, type SqliteDatabase } from './sqlite-connection.ts'

const connections = new WeakMap<object, SqliteConnection>()
const CHANGES = new Set('INSERT UPDATE DELETE CREATE ALTER DROP'.split(' '))
const CONTROL =
  /^\s*(begin|commit|end|rollback to|rollback|savepoint|release)\b(?:\s+(?:savepoint\s+)?(\w+))?/i

/** SQLite names a savepoint without quotes here: what a third party's first version would read. */
function controlOf(text: string): Control | null {
  const [, first, name = ''] = CONTROL.exec(text) ?? []
  const ask = first?.toLowerCase()
  const words = (first ?? '').toUpperCase()
  switch (ask) {
    case 'begin':
      return { ask, words, modes: { isolation: undefined, readOnly: undefined } }
    case 'commit':
    case 'end':
      return { ask: 'commit', words, chain: false }
    case 'rollback':
      return { ask, words, chain: false }
    case 'rollback to':
    case 'savepoint':
    case 'release':
      return { ask, words, name }
    default:
      return null
  }
}

const codeOf = (error: unknown): string | undefined => {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}

/** A dialect as a third party would write it: SQLite, with none of the capabilities that only a server has. */
export const sqlite: Dialect = {
  system: 'sqlite',
  title: 'SQLite',
  defaultPort: null,
  grammar: {
    nestedComments: false,
    hashComments: false,
    dollars: false,
    doubleQuotes: 'name',
    backticks: true,
    backslashes: 'never',
    prefixes: new Map([['x', 'stays']]),
  },
  texts: {
    begin: () => BEGIN,
    commit: 'COMMIT',
    rollback: 'ROLLBACK',
    savepoint: name => `SAVEPOINT ${name}`,
    releaseSavepoint: name => `RELEASE SAVEPOINT ${name}`,
    rollbackToSavepoint: name => `ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`,
    rollbackToSavepointOnly: name => `ROLLBACK TO SAVEPOINT ${name}`,
    readOnlyHere: 'PRAGMA query_only = 1',
    readOnlySession: 'PRAGMA query_only = 1',
    resets: () => [],
    forgetsPrepared: () => false,
    setForTransaction: () => ({ text: 'SELECT 1', values: [] }),
    checkConstraints: 'SELECT 1',
    written: undefined,
  },
  reading: {
    control: controlOf,
    firstControl: controlOf,
    ownersControl: text => {
      const control = controlOf(text)
      return control?.ask === 'commit' || control?.ask === 'rollback' ? control : null
    },
    undoesReadOnly: () => null,
    shown: text => text.replace(/'[^']*'|\b\d+\b/g, '?'),
    changesOfKept: () => null,
  },
  writing: {
    isChange: ({ command }: DriverResult) => CHANGES.has(command ?? ''),
    isFollowed: ({ command }: DriverResult) => command !== 'SELECT',
    hasLeftSomething: ({ command, rowCount }: DriverResult) => CHANGES.has(command ?? '') && rowCount !== 0,
    mayWrite: text => !/^\s*select\b/i.test(text),
  },
  errors: {
    codeOf,
    textOf: code => code.toLowerCase().replaceAll('_', ' '),
    kindOf: error => (codeOf(error)?.startsWith('SQLITE_BUSY') ? 'collision' : null),
    failureOf: error => (codeOf(error) === undefined ? 'connection' : 'statement'),
    // The statement is undone, and the transaction goes on.
    failsTransaction: () => false,
    isUnanswered: () => false,
  },
  calls: {
    statementIn: ([statement]) => {
      const text = typeof statement === 'string' ? statement : (statement as { text?: unknown } | null)?.text
      const { values } = (statement ?? {}) as { values?: unknown }
      if (typeof text !== 'string') return undefined
      return { text, parameters: Array.isArray(values) ? values.length : 0, values, kind: 'query' }
    },
    callbackOf: () => undefined,
    unwritable: () => undefined,
  },
  streams: NO_STREAMS,
  isConnection: value => typeof (value as { prepare?: unknown }).prepare === 'function',
  connectionOf(raw) {
    let known = connections.get(raw)
    if (!known) connections.set(raw, (known = new SqliteConnection(sqlite, raw as SqliteDatabase)))
    return known
  },
  watchStatements: (raw, watch) => sqlite.connectionOf(raw).watchStatements(watch),

  readOnlyTransactions: false,
  isolations: ['serializable'],
  serverTimeouts: false,
  twoPhase: undefined,
  unknownCommit: undefined,
  truthQuestion: undefined,
  binaryRows: undefined,
}

const BEGIN = ['BEGIN'] as const

const NO_ADDRESS = { serverAddress: null, serverPort: null }

const database: Database = {
  dialect: sqlite,
  knexClient: 'better-sqlite3',
  peers: ['knex', 'better-sqlite3'],
  builderConfig: { client: 'better-sqlite3', useNullAsDefault: true },
  isKnexClient: (name, client) =>
    name === 'better-sqlite3' || (client as { dialect?: string } | undefined)?.dialect === 'sqlite3',
  isConnection: connection => typeof connection === 'string' && connection.startsWith('file:'),
  knexConfig: () => {
    throw new Error('give a knex')
  },
  addressOf: settings => ({ ...NO_ADDRESS, database: (settings?.filename as string | undefined) ?? null }),
  door: settings => () => ({ settings: settings() as Record<string, unknown>, Client: undefined }),
  cannotTellStatus: () => false,
  knexMethods: {
    _query(connection, query) {
      return new Promise((resolve, reject) => {
        const values = (this as { _formatBindings(values: unknown): unknown[] })._formatBindings(
          query.bindings,
        )
        connection.query({ text: query.sql, values }, (error: Error | null, result: SqliteResult) => {
          if (error) return reject(error)
          query.response = result.rows
          query.context = { lastID: result.lastID, changes: result.rowCount }
          resolve(query)
        })
      })
    },
  },
}

type SqliteResult = DriverResult & { readonly lastID?: number }

/** Makes SQLite known to this process, as a third party's package would. */
export function knowSqlite(): void {
  know(sqlite)
  knowDatabase(database)
}

/** A knex on a file, whose driver is libsql: it offers what better-sqlite3 does. */
export function sqliteKnex(filename: string): Knex {
  const require = createRequire(import.meta.url)
  const Base = require('knex/lib/dialects/better-sqlite3/index.js') as { new (config: unknown): object }
  class Libsql extends Base {
    _driver(): unknown {
      return require('libsql') as unknown
    }
  }
  return knexFactory({ client: Libsql as never, connection: { filename }, useNullAsDefault: true })
}
