import { EnginelightError } from '../errors.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../postgres/control.ts'
import { inTurn, nextSavepointName, runInside, thoseInside, type OpenSavepoint } from './savepoints.ts'
import type { SessionCore } from './session.ts'

/** What a savepoint over all engines needs of the container that it is of. */
export interface SavepointOwner {
  /** The sessions that take part in commits, as of now. */
  atomicSessions(): readonly SessionCore[]
  doom(reason: unknown): void
}

/** A session in whose transaction the savepoint was set, and which of its transactions that was. */
interface Member {
  readonly session: SessionCore
  readonly transaction: number
}

const isStill = ({ session, transaction }: Member) =>
  session.isInTransaction && session.transaction === transaction

/**
 * Runs a function inside of a savepoint on every engine that has a transaction open: kept on all when it resolves, rolled
 * back on all when it throws. An engine whose transaction begins inside has no savepoint to go back to: its transaction is ended
 * when the others go back, and begins anew at its next statement.
 */
export function runContainerSavepoint<T>(owner: SavepointOwner, fn: () => Promise<T> | T): Promise<T> {
  const capture = captureSite()
  return inTurn(owner.atomicSessions(), open => within(owner, open, fn, capture))
}

async function within<T>(
  owner: SavepointOwner,
  open: OpenSavepoint,
  fn: () => Promise<T> | T,
  capture: SiteCapture,
): Promise<T> {
  const name = nextSavepointName()
  const members: Member[] = open.sessions
    .filter(session => session.isInTransaction)
    .map(session => ({ session, transaction: session.transaction }))
  await setOnAll(members, name, capture)
  try {
    const value = await runInside(open, fn)
    await thoseInside(open)
    await requireWhole(owner, members)
    await keepOnAll(owner, members, name, capture)
    return value
  } catch (error) {
    await thoseInside(open).catch(() => {})
    await undo(owner, members, name, capture)
    throw error
  }
}

async function setOnAll(members: readonly Member[], name: string, capture: SiteCapture): Promise<void> {
  const results = await Promise.allSettled(
    members.map(({ session }) => session.query(savepoint(name), capture)),
  )
  const failed = results.find(result => result.status === 'rejected')
  if (!failed) return
  const set = members.filter((_, index) => results[index]?.status === 'fulfilled')
  await backOnAll(set, name, capture)
  throw failed.reason
}

/** Whether all can be kept, asked before anything is: what has been released on one engine cannot be taken back. */
async function requireWhole(owner: SavepointOwner, members: readonly Member[]): Promise<void> {
  // What the function did not wait for is part of it.
  await Promise.all(owner.atomicSessions().map(session => session.whenIdle()))
  for (const session of owner.atomicSessions()) session.requireIntact()
  const gone = members.find(member => !isStill(member))
  if (!gone) return
  const { name } = gone.session.engine
  throw new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `The transaction of engine "${name}" was ended inside of a savepoint, which is gone with it.`,
    { engine: name, move: 'savepoint()', legalMoves: [] },
  )
}

async function keepOnAll(
  owner: SavepointOwner,
  members: readonly Member[],
  name: string,
  capture: SiteCapture,
): Promise<void> {
  const results = await Promise.allSettled(
    members.map(({ session }) => session.query(releaseSavepoint(name), capture)),
  )
  const failed = results.find(result => result.status === 'rejected')
  if (!failed) return
  // Kept on some and lost on another: half of it must not be committed.
  owner.doom(failed.reason)
  throw failed.reason
}

/** Never rejects: a connection that is gone has rolled back anyway, and its session says so from now on. */
async function backOnAll(members: readonly Member[], name: string, capture: SiteCapture): Promise<void> {
  const text = rollbackToSavepoint(name)
  await Promise.allSettled(members.map(({ session }) => session.query(text, capture)))
}

async function undo(
  owner: SavepointOwner,
  members: readonly Member[],
  name: string,
  capture: SiteCapture,
): Promise<void> {
  // One that is under way may be about to begin.
  await Promise.all(owner.atomicSessions().map(session => session.whenIdle()))
  const standing = members.filter(isStill)
  const joined = owner
    .atomicSessions()
    .filter(session => session.isInTransaction && !standing.some(member => member.session === session))
  await Promise.all([
    backOnAll(standing, name, capture),
    ...joined.map(session => session.rollback({ why: 'rollback', capture }).catch(() => {})),
  ])
}
