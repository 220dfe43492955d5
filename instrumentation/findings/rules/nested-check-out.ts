import { count, duration } from '../../model/format.ts'
import type { Checkout, Request } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { withoutStalls } from '../without-stalls.ts'

/** Less than this is a wait for a connection that is being opened, or given back. */
const WAITED_MS = 100

/** A request holds a connection with nothing to do, and waits for another one of the same pool, which is full. */
export const nestedCheckOut: RequestRule = function* (request, _, now, { stalls, pools, checkouts }) {
  if (request.kind === 'no context') return
  for (const checkout of request.checkouts) {
    if (checkout.state !== 'waiting') continue
    const { id, engine, pool, session, site, askedAt } = checkout
    const waited = withoutStalls(stalls, askedAt, now)
    const own = request.checkouts.filter(other => isHeldIdle(other, checkout, request))
    const [first] = own
    if (!first || waited < WAITED_MS) continue
    const held = [...checkouts.values()].filter(other => other.pool === pool && other.state === 'held')
    if (held.length < (pools.get(pool)?.max ?? Infinity)) continue
    const isOnlyOne = held.every(other => other.request === request.id)
    const who = nameOf(request, request.id)
    const rest = (tense: string) =>
      `for ${duration(waited)}${tense} for another of the same pool, which has ${held.length}`
    yield finding('nested check-out', id, {
      severity: 'bad',
      since: askedAt,
      about: {
        engine,
        pool,
        checkout: id,
        connection: first.connection ?? undefined,
        request: request.id,
        session: session ?? undefined,
      },
      site,
      sentence: `${who} holds ${count(own.length, 'connection')} of ${engine}${at(first)} and waits ${rest('')}.`,
      why: isOnlyOne
        ? 'It waits for itself: nothing else can give one back.'
        : 'If the others do the same, they keep each other waiting until the time is up.',
      afterwards: {
        sentence: `${who} held ${count(own.length, 'connection')} of ${engine}${at(first)} and waited ${rest(' or longer')}.`,
      },
    })
  }
}

/** Held before the other one was asked for, and without a statement that runs: it may be the asker that has it. */
const isHeldIdle = (other: Checkout, { pool, askedAt }: Checkout, { statements }: Request) =>
  other.pool === pool &&
  other.state === 'held' &&
  other.keptFor === null &&
  (other.acquiredAt ?? Infinity) <= askedAt &&
  !statements.some(({ connection, endedAt }) => connection === other.connection && endedAt === null)

const at = ({ site }: Checkout) => (site === null ? '' : `, taken at ${site},`)
