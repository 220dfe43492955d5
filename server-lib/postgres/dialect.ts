import { ISOLATIONS } from '../dialect/control.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Dialect } from '../dialect/dialect.ts'
import { texts } from './control.ts'
import type { PgClient } from './driver.ts'
import { POSTGRES } from './grammar.ts'
import { PgConnection } from './pg-connection.ts'
import { prepareValue } from './prepare-value.ts'
import { reading } from './reading.ts'
import { unwritable } from './sendable.ts'
import { errors } from './sqlstate.ts'
import { callbackOf, statementIn } from './statement-arguments.ts'
import { streams } from './streams.ts'
import { QUESTION } from './truth-question.ts'
import { twoPhase } from './two-phase/index.ts'
import { unknownCommit } from './unknown-commit.ts'
import { watchStatements } from './watch-statements.ts'
import { writing } from './writing.ts'

const connections = new WeakMap<object, PgConnection>()

/** PostgreSQL through pg, or through a driver that offers what pg's client does. */
export const postgres: Dialect = {
  system: 'postgresql',
  title: 'PostgreSQL',
  defaultPort: 5432,
  grammar: POSTGRES,
  texts,
  reading,
  writing,
  errors,
  calls: { statementIn, callbackOf, unwritable },
  streams,
  isConnection: value => typeof (value as { query?: unknown }).query === 'function',
  connectionOf(raw): DriverConnection {
    let known = connections.get(raw)
    if (!known) connections.set(raw, (known = new PgConnection(postgres, raw as PgClient)))
    return known
  },
  watchStatements,

  readOnlyTransactions: true,
  isolations: ISOLATIONS,
  serverTimeouts: true,
  twoPhase,
  unknownCommit,
  truthQuestion: QUESTION,
  binaryRows: { prepareValue },
}
