import type { EngineTruth, LockTruth, OpenTruth, ServerTruth } from '../model/protocol.ts'
import type { Time } from '../model/rows.ts'
import type { Commit, Connection, PanelState, Transaction } from '../model/state.ts'

/** A prepared transaction that is not resolved, with all that is known about it. */
export interface InDoubt {
  readonly gid: string
  readonly parts: GidParts | null
  readonly engine: string
  readonly ageMs: number
  /** What is about to happen to it, or why it is left alone. */
  readonly reason: string
  /** By the server's last answer; null if it has not been asked. */
  readonly owner: string | null
  readonly locks: readonly LockTruth[] | null
  /** The commit that prepared it, if that was in this process. */
  readonly commit: Commit | undefined
}

export interface GidParts {
  readonly application: string
  readonly key: string
  readonly engine: string
  /** The id of the database that holds the decision. */
  readonly location: string
}

export interface Doubts {
  readonly inDoubt: readonly InDoubt[]
  /** Whether every engine's server has just been asked. */
  readonly isCertain: boolean
  /** Newest first. */
  readonly recovered: readonly {
    gid: string
    parts: GidParts | null
    engine: string
    outcome: string
    at: Time
    ageMs: number
  }[]
}

/** Takes apart a gid of our own making; null for others. */
export function gidParts(gid: string): GidParts | null {
  const [, application, key, engine, location] =
    /^enginelight:([^:]+):([^:]+):([^:]+):([^:]+)$/.exec(gid) ?? []
  return location === undefined ? null : { application: application!, key: key!, engine: engine!, location }
}

type Asked = Extract<EngineTruth, { prepared: unknown }>

/**
 * What is prepared and not resolved: by the servers' answers where they were asked, otherwise by recovery's last
 * report. A transaction of a commit under way does not count: it is where it should be.
 */
export function doubtsOf(state: PanelState, truth: ServerTruth | null, now: Time): Doubts {
  const commits = new Map<string, Commit>()
  for (const commit of state.commits.values())
    for (const { gid } of commit.participants) if (gid !== null) commits.set(gid, commit)
  const asked = (truth?.engines ?? []).filter((it): it is Asked => 'prepared' in it)
  const inDoubt = new Map<string, InDoubt>()
  for (const { engine, askedMs, prepared } of asked) {
    for (const { gid, owner, ageMs, locks } of prepared) {
      const parts = gidParts(gid)
      // Two engines on one database both see it; it is listed under the one that prepared it.
      if (inDoubt.has(gid) && parts?.engine !== engine) continue
      const commit = commits.get(gid)
      if (commit && commit.endedAt === null) continue
      const told = state.doubts.get(gid)
      const since = now - (truth!.now - askedMs)
      const reason = told && told.recovered === null ? told.reason : whyLeft(parts, commit)
      inDoubt.set(gid, { gid, parts, engine, ageMs: ageMs + since, reason, owner, locks, commit })
    }
  }
  const recovered: Doubts['recovered'][number][] = []
  const wasAsked = new Set(asked.map(({ engine }) => engine))
  for (const { gid, engine, preparedAt, toldAt, reason, recovered: outcome } of state.doubts.values()) {
    const parts = gidParts(gid)
    if (outcome !== null)
      recovered.push({ gid, parts, engine, outcome, at: toldAt, ageMs: toldAt - preparedAt })
    // Its server was asked after recovery's report, and no longer has it: it has been resolved.
    else if (!inDoubt.has(gid) && !(wasAsked.has(engine) && truth!.now > toldAt)) {
      const commit = commits.get(gid)
      const ageMs = now - preparedAt
      inDoubt.set(gid, { gid, parts, engine, ageMs, reason, owner: null, locks: null, commit })
    }
  }
  return {
    isCertain: truth !== null && asked.length === truth.engines.length,
    inDoubt: [...inDoubt.values()].sort((a, b) => b.ageMs - a.ageMs),
    recovered: recovered.sort((a, b) => b.at - a.at),
  }
}

function whyLeft(parts: GidParts | null, commit: Commit | undefined): string {
  if (!parts) return 'not prepared by Enginelight: recovery leaves it alone'
  if (commit?.outcome === 'committed') return 'decided: it will be committed'
  if (commit) return `its commit ended ${commit.outcome ?? 'without a word'}`
  return 'whoever prepared it is not in this process'
}

/**
 * A server's answer about the locks of an open transaction, or why it was not asked; undefined if the transaction is
 * newer than its last answer.
 */
export function locksOf(
  truth: ServerTruth | null,
  connection: Connection | undefined,
  { engine }: Transaction,
): OpenTruth | { unasked: string } | undefined {
  const told = truth?.engines.find(it => it.engine === engine)
  if (!told || 'unasked' in told) return told
  return told.open.find(({ pid }) => pid === connection?.backendPid)
}
