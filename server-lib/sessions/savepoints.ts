import { AsyncLocalStorage } from 'node:async_hooks'
import { startDeadline } from '../deadline.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../postgres/control.ts'
import type { SessionCore } from './session.ts'

/** A savepoint that is open, of one session or of several at once: those that are opened within it, and those that wait beside it. */
export interface OpenSavepoint {
  readonly sessions: readonly SessionCore[]
  /** The one around it, which may be of other sessions. */
  readonly outer: OpenSavepoint | undefined
  /** For each session the last one opened directly inside of this one; the next waits for it. */
  readonly last: Map<SessionCore, Promise<unknown>>
  /** What the function left running is inside of it no more. */
  over: boolean
}

/** Which savepoint the running function is inside of, so that a nested call nests and a parallel one waits. */
const inside = new AsyncLocalStorage<OpenSavepoint>()
const roots = new WeakMap<SessionCore, OpenSavepoint>()
/** How many savepoints of a session are open whose function runs, or that somebody holds. */
const openIn = new WeakMap<SessionCore, number>()
let names = 0
const DONE = Promise.resolve()

export const nextSavepointName = () => `el_${++names}`

/**
 * Runs a function inside of a savepoint: kept when it resolves, rolled back when it throws, the transaction going on
 * either way. Savepoints side by side run one after the other, since PostgreSQL knows them only nested.
 */
export function runSavepoint<T>(session: SessionCore, fn: () => Promise<T> | T): Promise<T> {
  const capture = captureSite()
  return inTurn([session], open => runWithin(session, open, fn, capture))
}

/** How long a place among the savepoints of a session is waited for, and what is said when that was too long. */
export interface Patience {
  readonly waitMs: number
  tooLate(): Error
}

/**
 * One who holds such a place for as long as he likes, as the transaction of a library does that a session is lent to. Whoever
 * waits for him does so with a deadline: he may be waiting for him as well, and nobody could tell.
 */
export interface Guest {
  /** What is said to whoever waits for him too long, and how long that is. */
  readonly patience: Patience
  /** Whether what he held is over without his doing. Then he gives his place up, here and now. */
  leavesIfOver(): boolean
}

/** For whom those wait that wait for such a promise. */
const guests = new WeakMap<Promise<unknown>, Guest>()

/**
 * Runs when every savepoint of these sessions that was asked for before, at the same depth, is over. Without `patience` it
 * waits for as long as that takes, unless for a guest.
 */
export function inTurn<T>(
  sessions: readonly SessionCore[],
  run: (open: OpenSavepoint) => Promise<T>,
  { patience, guest }: { patience?: Patience; guest?: Guest } = {},
): Promise<T> {
  const parents = sessions.map(session => [session, parentOf(session)] as const)
  const earlier = parents.map(([session, { last }]) => last.get(session) ?? DONE)
  const host = guestAmong(earlier)
  const before = Promise.all(earlier)
  const limit = patience ?? host?.patience
  const turn = limit ? within(before, limit, host) : before
  const open = opened(sessions, inside.getStore())
  const done = turn.then(() => runOpen(open, run)).finally(() => void (open.over = true))
  // Those who wait need to know when it is over, not how it went. Who lost patience leaves his place to nobody before its time.
  const settled = done.catch(() => {})
  const over = limit ? before.then(() => settled) : settled
  const waitedFor = guest ?? host
  if (waitedFor) guests.set(over, waitedFor)
  // On all of them in the same tick: two that need the same sessions never each hold what the other waits for.
  for (const [session, { last }] of parents) last.set(session, over)
  return done
}

export const isSavepointOpen = (session: SessionCore): boolean => (openIn.get(session) ?? 0) > 0

async function runOpen<T>(open: OpenSavepoint, run: (open: OpenSavepoint) => Promise<T>): Promise<T> {
  const count = (by: number) => {
    for (const session of open.sessions) openIn.set(session, (openIn.get(session) ?? 0) + by)
  }
  count(1)
  try {
    return await run(open)
  } finally {
    count(-1)
  }
}

/** One who is there still, of those that are waited for. */
function guestAmong(waited: readonly Promise<unknown>[]): Guest | undefined {
  for (const promise of waited) {
    const guest = guests.get(promise)
    if (guest && !guest.leavesIfOver()) return guest
  }
  return undefined
}

/** Resolves when all before are over. When the time has passed it rejects, unless the guest turns out to be gone. */
function within(before: Promise<unknown>, { waitMs, tooLate }: Patience, guest?: Guest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const deadline = startDeadline(waitMs, () => {
      if (!guest?.leavesIfOver()) reject(tooLate())
    })
    void before.then(() => {
      deadline.stop()
      resolve(undefined)
    })
  })
}

function parentOf(session: SessionCore): OpenSavepoint {
  let open = inside.getStore()
  // Savepoints of another session may lie between: to wait for our own from inside of it would last for ever.
  while (open && (!open.sessions.includes(session) || open.over)) open = open.outer
  if (open) return open
  let root = roots.get(session)
  if (!root) roots.set(session, (root = opened([session], undefined)))
  return root
}

function opened(sessions: readonly SessionCore[], outer: OpenSavepoint | undefined): OpenSavepoint {
  return { sessions, outer, last: new Map(), over: false }
}

/** Whether the running function is inside of a savepoint of this session that is open. */
export function isInsideSavepoint(session: string): boolean {
  for (let open = inside.getStore(); open; open = open.outer) {
    if (!open.over && open.sessions.some(({ id }) => id === session)) return true
  }
  return false
}

export function runInside<T>(open: OpenSavepoint, fn: () => Promise<T> | T): Promise<T> {
  return inside.run(open, async () => fn())
}

/** When those that were opened inside of it are over: one that still ran would go on after a rollback, and be kept. */
export async function thoseInside(open: OpenSavepoint): Promise<void> {
  const inner = [...open.last.values()]
  const guest = guestAmong(inner)
  const over = Promise.all(inner)
  await (guest ? within(over, guest.patience, guest) : over)
}

async function runWithin<T>(
  session: SessionCore,
  open: OpenSavepoint,
  fn: () => Promise<T> | T,
  capture: SiteCapture,
): Promise<T> {
  session.requireTransactions('savepoint()')
  const name = nextSavepointName()
  await session.query(savepoint(name), capture)
  try {
    const value = await runInside(open, fn)
    await thoseInside(open)
    // Refused where the function swallowed the error of a statement: then there is nothing that could be kept.
    await session.query(releaseSavepoint(name), capture)
    return value
  } catch (error) {
    await thoseInside(open).catch(() => {})
    // The function's own error is the one that matters; a connection that is gone has rolled back anyway.
    await session.query(rollbackToSavepoint(name), capture).catch(() => {})
    throw error
  }
}
