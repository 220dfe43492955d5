import { age, count } from '../../instrumentation/model/format.ts'
import type { Hello, Stat } from '../../instrumentation/model/protocol.ts'
import type { Engine } from '../../instrumentation/model/state.ts'
import { costSentence, letGoOf, lossesOf } from './losses.ts'

/** One thing that was looked at. A warning says what to do. */
export interface Check {
  readonly about: string
  readonly state: 'ok' | 'warning' | 'unknown'
  readonly says: string
  readonly remedy?: string
}

export interface Seen {
  readonly hello: Hello | null
  readonly stat: Stat | null
  readonly engines: ReadonlyMap<string, Engine>
  readonly now: number
}

const SHARE_OF_CORE = 0.03
const MEBI = 1024 * 1024

/** The health of the panel itself: what it watches, what it holds, what it costs, and what it hides. */
export function checksOf(seen: Seen): Check[] {
  return [
    ...enginesOf(seen),
    ring(seen),
    missing(seen),
    viewers(seen),
    cost(seen),
    redaction(seen),
    ...versions(seen),
  ]
}

function enginesOf({ engines, now }: Seen): Check[] {
  if (engines.size === 0)
    return [
      {
        about: 'engines',
        state: 'warning',
        says: 'No engine is watched.',
        remedy:
          'Make one with createEngines({ main: engine()({ knex }) }), before or after the panel is mounted.',
      },
    ]
  return [...engines.values()].map(engine => engineCheck(engine, now))
}

function engineCheck(engine: Engine, now: number): Check {
  const about = `engine ${engine.engine}`
  const how =
    engine.mode === 'borrowed'
      ? 'borrows the connections of another library'
      : engine.source === 'connection'
        ? 'has a pool that Enginelight made'
        : `watches ${engine.source === 'knex' ? 'your knex' : 'your pg.Pool'}${engine.owned ? '' : ', which stays yours'}`
  const says = `It ${how}: ${engine.pool}, up to ${count(engine.max, 'connection')}.`
  if (engine.closed) return { about, state: 'ok', says: `It was closed. It ${how}.` }
  if (engine.lastConnectError)
    return {
      about,
      state: 'warning',
      says: `${says} The last attempt to connect failed ${age(now - engine.lastConnectError.at)} ago with ${engine.lastConnectError.code ?? 'an error'}: ${engine.lastConnectError.message}`,
      remedy: 'See the error. A later connection takes this warning away.',
    }
  if (engine.transactions === 'unknown')
    return {
      about,
      state: 'unknown',
      says: `${says} Its driver does not tell of transactions: those are not shown.`,
    }
  return { about, state: 'ok', says }
}

function ring({ stat }: Seen): Check {
  const about = 'memory'
  if (!stat) return { about, state: 'unknown', says: 'The process has not told yet.' }
  const { bytes, limit } = stat.ring
  return {
    about,
    state: 'ok',
    says: `${(bytes / MEBI).toFixed(1)} of ${(limit / MEBI).toFixed(1)} MiB for recent events are in use. ${letGoOf(stat)}`,
  }
}

function missing({ stat }: Seen): Check {
  const about = 'what is missing'
  if (!stat) return { about, state: 'unknown', says: 'The process has not told yet.' }
  const losses = lossesOf(stat)
  if (losses.length === 0) return { about, state: 'ok', says: 'Nothing recent is missing.' }
  return { about, state: 'warning', says: 'Some is not shown in full.', remedy: losses.join(' ') }
}

function viewers({ stat }: Seen): Check {
  const about = 'pages'
  if (!stat) return { about, state: 'unknown', says: 'The process has not told yet.' }
  return { about, state: 'ok', says: `${count(stat.viewers, 'page')} watching this process.` }
}

function cost({ stat }: Seen): Check {
  const about = 'own cost'
  if (!stat) return { about, state: 'unknown', says: 'The process has not told yet.' }
  if (stat.ownCost <= SHARE_OF_CORE)
    return { about, state: stat.cpu === undefined ? 'unknown' : 'ok', says: costSentence(stat) }
  return {
    about,
    state: 'warning',
    says: costSentence(stat),
    remedy: 'It costs less without a page that is open, and nothing where the panel is off.',
  }
}

function redaction({ hello }: Seen): Check {
  const about = 'what is hidden'
  if (hello?.errorMessages === undefined)
    return {
      about,
      state: 'unknown',
      says: 'The process does not say whether errors keep their own messages.',
    }
  const hidden = 'Values of parameters and literals in statements never leave the process.'
  return hello.errorMessages
    ? {
        about,
        state: 'warning',
        says: `${hidden} Errors keep their own messages, in which PostgreSQL quotes values.`,
        remedy: 'Leave out errorMessages of the panel where others may look at this page.',
      }
    : { about, state: 'ok', says: `${hidden} Errors show their codes and what these mean.` }
}

function versions({ hello, stat }: Seen): Check[] {
  const version = (about: string, of: string | null | undefined, why: string): Check =>
    of ? { about, state: 'ok', says: of } : { about, state: 'unknown', says: why }
  const notFound = 'It is not installed beside Enginelight, or is part of a bundle.'
  const checks = [
    version('Enginelight', hello?.version, 'The process has not told yet.'),
    version('Node', hello?.node, 'The process has not told yet.'),
    version('pg', hello?.versions?.pg, notFound),
    version('knex', hello?.versions?.knex, notFound),
  ]
  for (const [engine, told] of stat?.servers ?? [])
    checks.push(
      version(
        `server of ${engine}`,
        told,
        'It was not asked: it is no PostgreSQL, or its pool has no connection to spare.',
      ),
    )
  return checks
}
