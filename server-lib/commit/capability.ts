import type { Engine } from '../engines/engine.ts'
import type { ServerFacts, TwoPhase } from '../dialect/two-phase.ts'
import type { Participant } from './participant.ts'

/** What an engine's server can do in a two-phase commit. */
export interface Capability {
  readonly database: string
  /** Why its transactions cannot be prepared; null where they can. */
  readonly notPreparable: string | null
  /** The id of its database, where it can hold a decision. */
  readonly location: string | null
  /** Why it cannot hold a decision; null where it can. */
  readonly notDeciding: string | null
}

interface Known {
  readonly capability: Capability
  readonly pool: string
  readonly until: number
}

/** How long a "cannot" is cached: what is missing may be installed at any moment. */
const BELIEVED_MS = 5_000

const known = new WeakMap<Engine, Known>()

/** Clears the cache, after an install, or when the server has just refused what it was believed to do. */
export function forgetCapability(engine: Engine): void {
  known.delete(engine)
}

/** The cached answer, while it is valid. */
export function knownCapability(engine: Engine): Capability | undefined {
  const before = known.get(engine)
  if (!before || before.pool !== engine.pool || before.until <= performance.now()) return undefined
  return before.capability
}

/**
 * What the participant's server can do. Asked on its own connection, inside its open transaction, because the pool may
 * have no other; so no query may fail. Cached for each pool; for a short time only where something is missing.
 */
export async function capabilityOf(participant: Participant): Promise<Capability> {
  const { engine } = participant
  const before = knownCapability(engine)
  if (before) return before
  const { pool } = engine
  const capability = await ask(participant)
  const isWhole = capability.notPreparable === null && capability.notDeciding === null
  known.set(engine, { capability, pool, until: isWhole ? Infinity : performance.now() + BELIEVED_MS })
  return capability
}

async function ask(participant: Participant): Promise<Capability> {
  const { options, dialect, description } = participant.engine
  const { twoPhase } = dialect
  if (!twoPhase) {
    const why = `${dialect.title} has no two-phase commit here`
    return { database: description.database ?? '', notPreparable: why, location: null, notDeciding: why }
  }
  const { decisionTable, locationTable } = twoPhase
  const { result } = await participant.send(twoPhase.serverFacts, options.checkoutTimeoutMs)
  const [facts] = result.rows as [ServerFacts]
  const notDeciding = facts.standby
    ? 'its server is a standby'
    : !facts.installed
      ? 'engines.install() did not run on it'
      : !facts.may
        ? `its role may not insert into, read or delete from ${decisionTable} and ${locationTable}`
        : null
  const location = notDeciding === null ? await locationOf(participant, twoPhase) : null
  return {
    database: facts.database,
    notPreparable: facts.slots === 0 ? `${twoPhase.slotsSetting} is 0 on its server` : null,
    location,
    notDeciding: notDeciding ?? (location === null ? `${locationTable} is empty` : null),
  }
}

async function locationOf(participant: Participant, { locationId }: TwoPhase): Promise<string | null> {
  const { checkoutTimeoutMs } = participant.engine.options
  const { result } = await participant.send(locationId, checkoutTimeoutMs)
  const [row] = result.rows as { id: string }[]
  return row?.id ?? null
}
