import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import { codeAndMessage } from '../channels/errors.ts'
import { ROLLBACK } from '../postgres/control.ts'
import { sqlstateOf } from '../postgres/sqlstate.ts'
import { forgetCapability } from './capability.ts'
import { SERVER_FACTS, type ServerFacts } from '../postgres/two-phase/server-facts.ts'
import { DECISION_TABLE, LOCATION_TABLE } from '../postgres/two-phase/decision.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'
import { firstRow, onOwnConnection, type OwnConnection } from '../sessions/own-connection.ts'

/** What `engines.install()` found and did on one engine. */
export interface InstallReport {
  readonly engine: string
  /** Whether the two tables exist, and this role may use them. */
  readonly installed: boolean
  /** Whether it can take part in a two-phase commit, by preparing or by holding the decision. */
  readonly twoPhase: boolean
  /** Why not, or what needs attention all the same. */
  readonly reasons: readonly string[]
}

/** Creating the two tables only waits for another `install()`. */
const INSTALL_DEADLINE_MS = 30_000

/** Whether the engine takes part in commits and may write: only such an engine prepares or decides. */
export const writesInCommits = ({ options }: Engine): boolean =>
  options.access === 'write' && takesPart(options)

/**
 * Creates the tables for two-phase commits in the engine's database where they are missing, and finds out what the
 * server allows. Never rejects.
 */
export async function installOn(engine: Engine): Promise<InstallReport> {
  const until = performance.now() + INSTALL_DEADLINE_MS
  try {
    return await onOwnConnection(engine, until, async connection => {
      forgetCapability(engine)
      const refused = (await isThere(connection)) ? undefined : await create(connection)
      return judge(engine, await look(connection), refused)
    })
  } catch (error) {
    const reasons = [`could not be looked at: ${codeAndMessage(error)}`]
    return { engine: engine.name, installed: false, twoPhase: false, reasons }
  }
}

/** Checked first: a role without the right to create is refused even where the tables exist. */
async function isThere({ send }: OwnConnection): Promise<boolean> {
  const tables = await send(
    `SELECT to_regclass('${DECISION_TABLE}') IS NOT NULL AND to_regclass('${LOCATION_TABLE}') IS NOT NULL AS there`,
  )
  if (!(firstRow(tables) as { there: boolean }).there) return false
  const ids = await send(`SELECT 1 FROM ${LOCATION_TABLE}`).catch(error => {
    // The table exists, but this role may not read it: `look` reports that.
    if (sqlstateOf(error) === '42501') return { rows: [true] }
    throw error
  })
  return (ids.rows?.length ?? 0) > 0
}

/** Creates the tables. Resolves to the reason why not, or undefined. */
async function create({ send }: OwnConnection): Promise<string | undefined> {
  try {
    await send(INSTALL_SQL)
    return undefined
  } catch (error) {
    const sqlstate = sqlstateOf(error)
    if (sqlstate === undefined) throw error
    await send(ROLLBACK)
    if (sqlstate === '25006') return undefined
    return `the tables could not be created (${codeAndMessage(error)}): have install.sql run by their owner`
  }
}

type Facts = ServerFacts & { readonly processID: number | null }

async function look({ send, held }: OwnConnection): Promise<Facts> {
  const facts = firstRow(await send(SERVER_FACTS)) as ServerFacts
  return { ...facts, processID: held.driver.processID ?? null }
}

function judge(engine: Engine, facts: Facts, refused: string | undefined): InstallReport {
  const { standby, slots, installed, may } = facts
  const { max } = engine.description
  const faults: string[] = []
  const cautions: string[] = []
  if (standby) faults.push('its server is a standby')
  if (refused !== undefined) faults.push(refused)
  else if (!installed) faults.push('the tables are missing')
  else if (!may) {
    faults.push(
      `its role lacks a right: SELECT, INSERT and DELETE on ${DECISION_TABLE}, SELECT on ${LOCATION_TABLE}`,
    )
  }
  if (slots === 0) {
    cautions.push(
      'max_prepared_transactions is 0: it can only hold decisions, so one such engine in a commit',
    )
  } else if (slots < max) {
    cautions.push(`max_prepared_transactions is ${slots}, less than the ${max} connections of its pool`)
  }
  if (facts.processID !== null && facts.processID !== facts.pid) {
    cautions.push('a pooler stands between: it must keep a transaction on one connection of the server')
  }
  return {
    engine: engine.name,
    installed: installed && may,
    twoPhase: faults.length === 0 && slots > 0,
    reasons: [...faults, ...cautions],
  }
}
