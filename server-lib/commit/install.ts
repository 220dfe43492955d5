import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import { codeAndMessage } from '../channels/errors.ts'
import { kindOf, serverCodeOf } from '../dialect/known-dialects.ts'
import type { ServerFacts, TwoPhase } from '../dialect/two-phase.ts'
import { forgetCapability } from './capability.ts'
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
  const { twoPhase, title } = engine.dialect
  if (!twoPhase) {
    const reasons = [`${title} has no two-phase commit here`]
    return { engine: engine.name, installed: false, twoPhase: false, reasons }
  }
  try {
    return await onOwnConnection(engine, until, async connection => {
      forgetCapability(engine)
      const refused = (await isThere(twoPhase, connection))
        ? undefined
        : await create(engine, twoPhase, connection)
      return judge(engine, twoPhase, await look(twoPhase, connection), refused)
    })
  } catch (error) {
    const reasons = [`could not be looked at: ${codeAndMessage(error)}`]
    return { engine: engine.name, installed: false, twoPhase: false, reasons }
  }
}

/** Checked first: a role without the right to create is refused even where the tables exist. */
async function isThere(twoPhase: TwoPhase, { send }: OwnConnection): Promise<boolean> {
  const tables = await send(twoPhase.isInstalled)
  if (!(firstRow(tables) as { there: boolean }).there) return false
  const ids = await send(twoPhase.hasLocation).catch(error => {
    // The table exists, but this role may not read it: `look` reports that.
    if (kindOf(error) === 'denied') return { rows: [true] }
    throw error
  })
  return (ids.rows?.length ?? 0) > 0
}

/** Creates the tables. Resolves to the reason why not, or undefined. */
async function create(
  { dialect }: Engine,
  twoPhase: TwoPhase,
  { send }: OwnConnection,
): Promise<string | undefined> {
  try {
    await send(twoPhase.installSql)
    return undefined
  } catch (error) {
    if (serverCodeOf(error) === undefined) throw error
    await send(dialect.texts.rollback)
    if (kindOf(error) === 'read only') return undefined
    return `the tables could not be created (${codeAndMessage(error)}): have install.sql run by their owner`
  }
}

type Facts = ServerFacts & { readonly serverId: number | null }

async function look({ serverFacts }: TwoPhase, { send, held }: OwnConnection): Promise<Facts> {
  const facts = firstRow(await send(serverFacts)) as ServerFacts
  return { ...facts, serverId: held.driver.serverId }
}

function judge(
  engine: Engine,
  { decisionTable, locationTable, slotsSetting }: TwoPhase,
  facts: Facts,
  refused: string | undefined,
): InstallReport {
  const { standby, slots, installed, may } = facts
  const { max } = engine.description
  const faults: string[] = []
  const cautions: string[] = []
  if (standby) faults.push('its server is a standby')
  if (refused !== undefined) faults.push(refused)
  else if (!installed) faults.push('the tables are missing')
  else if (!may) {
    faults.push(
      `its role lacks a right: SELECT, INSERT and DELETE on ${decisionTable}, SELECT on ${locationTable}`,
    )
  }
  if (slots === 0) {
    cautions.push(`${slotsSetting} is 0: it can only hold decisions, so one such engine in a commit`)
  } else if (slots < max) {
    cautions.push(`${slotsSetting} is ${slots}, less than the ${max} connections of its pool`)
  }
  if (facts.serverId !== null && facts.serverId !== facts.pid) {
    cautions.push('a pooler stands between: it must keep a transaction on one connection of the server')
  }
  return {
    engine: engine.name,
    installed: installed && may,
    twoPhase: faults.length === 0 && slots > 0,
    reasons: [...faults, ...cautions],
  }
}
