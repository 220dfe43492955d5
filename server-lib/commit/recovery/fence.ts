import { EnginelightError, codeAndMessage } from '../../channels/errors.ts'
import type { Engine } from '../../engines/engine.ts'
import { failureOf, kindOf } from '../../dialect/known-dialects.ts'
import type { DriverResult } from '../../dialect/result.ts'
import type { TwoPhase } from '../../dialect/two-phase.ts'
import { onOwnConnection, pause, type OwnConnection } from '../../sessions/own-connection.ts'

export type Decision = 'committed' | 'aborted' | 'unknown'

export interface FenceOptions {
  /** How long to ask again while the answer is unknown. */
  readonly deadlineMs: number
  /** The id of the database that holds the decision. If given, no other database is believed. */
  readonly location?: string
}

/** What the fence found, with the reason for `unknown`. */
export interface Fenced {
  readonly decision: Decision
  readonly reason: string | null
}

/** How long one attempt waits behind a coordinator that holds the row. Its end is noticed within this time. */
const LOCK_TIMEOUT_MS = 1_000
const ASK_AGAIN_MS = 100

/**
 * The outcome of a two-phase commit, from the database that holds its decision. `unknown` when no answer comes within
 * `deadlineMs`, or when the row is still locked then. Never rejects.
 */
export async function fence(engine: Engine, transaction: string, options: FenceOptions): Promise<Decision> {
  return (await askDecision(engine, transaction, options)).decision
}

/**
 * As `fence`, with the reason. Only two answers count: the unique violation of the decision's own key, and an INSERT
 * that inserted its row and was rolled back. A standby, a missing table, a missing right, a trigger that swallows the
 * row and a lost connection say nothing about the decision; so it asks again, and in the end answers `unknown`.
 */
export async function askDecision(
  engine: Engine,
  transaction: string,
  { deadlineMs, location }: FenceOptions,
): Promise<Fenced> {
  const until = performance.now() + deadlineMs
  for (;;) {
    const answer = await tryToInsert(engine, transaction, location, until)
    if (answer.decision !== 'unknown' || answer.isFinal || performance.now() + ASK_AGAIN_MS >= until) {
      return { decision: answer.decision, reason: answer.reason }
    }
    await pause(ASK_AGAIN_MS)
  }
}

async function tryToInsert(
  engine: Engine,
  transaction: string,
  location: string | undefined,
  until: number,
): Promise<Fenced & { readonly isFinal?: boolean }> {
  try {
    return await onOwnConnection(engine, until, async connection => {
      const there = location === undefined ? undefined : await locationThere(connection, engine)
      if (there !== location) return unknown(`engine "${engine.name}" is connected to another database now`)
      return insertOn(engine, connection, transaction, until)
    })
  } catch (error) {
    const isFinal = error instanceof EnginelightError && error.code === 'EL_ENGINE_CLOSED'
    return { ...unknown(reasonOf(engine, error)), isFinal }
  }
}

async function insertOn(
  engine: Engine,
  { send, spoil }: OwnConnection,
  transaction: string,
  until: number,
): Promise<Fenced> {
  const { insertFence, decisionTable, isDecided } = twoPhaseOf(engine)
  const { rollback } = engine.dialect.texts
  // Leaves some time for the answer to arrive: a connection that does not answer is closed.
  const lockTimeoutMs = Math.max(1, Math.floor(Math.min(LOCK_TIMEOUT_MS, (until - performance.now()) * 0.8)))
  try {
    // One text: a process killed here leaves no open row that others would wait for.
    const results = await send(`${insertFence(transaction, lockTimeoutMs)}; ${rollback}`)
    const [inserted, rolledBack] = (results as DriverResult[]).slice(-2)
    if (inserted?.command === 'INSERT' && inserted.rowCount === 1 && rolledBack?.command === 'ROLLBACK') {
      return { decision: 'aborted', reason: null }
    }
    return unknown(`a trigger or rule on ${decisionTable} kept the row from being inserted`)
  } catch (error) {
    if (failureOf(error) === 'connection') throw error
    await send(rollback).catch(() => spoil('not rolled back'))
    if (!isDecided(error)) return unknown(reasonOf(engine, error))
    return { decision: await decisionThere(engine, send, transaction), reason: null }
  }
}

/**
 * Reads the decision row. An operator may have settled it by hand, with a committed abort row: then no coordinator
 * could insert its own. A row that is gone by now was a commit that all participants have carried out, because no other
 * row is ever deleted.
 */
async function decisionThere(
  engine: Engine,
  send: OwnConnection['send'],
  transaction: string,
): Promise<Decision> {
  const { rows } = await send(twoPhaseOf(engine).decision(transaction))
  const [row] = rows as { outcome: string }[]
  return row?.outcome === 'abort' ? 'aborted' : 'committed'
}

const unknown = (reason: string) => ({ decision: 'unknown', reason }) as const

/** Read on the very connection that will ask: the engine may have been pointed to another server meanwhile. */
async function locationThere({ send }: OwnConnection, engine: Engine): Promise<string | undefined> {
  const { rows } = await send(twoPhaseOf(engine).locationId)
  return (rows?.[0] as { id: string } | undefined)?.id
}

const twoPhaseOf = (engine: Engine) => engine.dialect.twoPhase as TwoPhase

function reasonOf(engine: Engine, error: unknown): string {
  switch (kindOf(error)) {
    case 'locked':
      return 'its coordinator still holds the decision open'
    case 'read only':
      return `engine "${engine.name}", which holds the decision, is on a standby`
    case 'not found':
      return `the decision table of engine "${engine.name}" is missing`
    default:
      return `engine "${engine.name}", which holds the decision, could not be asked: ${codeAndMessage(error)}`
  }
}
