// What the library says of one request with a transaction in it, one message a step.
import { channels } from 'enginelight/channels'

export const SITE = { label: 'src/orders.ts:41', frames: ['placeOrder (src/orders.ts:41:19)'] }
const TEXTS = [
  ['BEGIN', 0],
  ['select * from "items" where "id" = $1', 1],
  ['insert into "events" ("item_id", "note") values ($1, $2)', 2],
  ['COMMIT', 0],
]
const LABELS = ['GET /orders/:id', 'POST /orders', 'GET /cart', 'POST /pay', 'GET /articles']
/** Of a request with the four statements above. */
export const MESSAGES = 9 + 2 * TEXTS.length

/** The steps, in their order. `statements`: so many between BEGIN and COMMIT, in place of two. */
export function stepsOfUnit(unit, { connection, slot, backendPid, engine, pool }, statements = 2) {
  const [request, session, checkout, transaction] = [`u${unit}`, `s${unit}`, `k${unit}`, `t${unit}`]
  const where = { engine, pool }
  const line = { connection, slot, backendPid }
  const asked = { ...where, ...line, checkout, session, request }
  const label = LABELS[Number(unit) % LABELS.length] ?? 'POST /report'
  const say = (channel, message) => () => channels[channel].publish({ at: performance.now(), ...message })
  const statement = ([text, parameters], index) => {
    const id = `q${unit}.${index}`
    const sent = { text, parameters, kind: 'query', queuedMs: 0, site: SITE }
    const end = { engine, durationMs: 0.2, rows: 1, command: text.slice(0, 6), error: null }
    return [
      say('statement', { phase: 'start', id, ...asked, transaction, ...sent }),
      say('statement', { phase: 'end', id, ...end }),
    ]
  }
  const between = Array.from({ length: statements }, (_, index) => textOf(index, statements))
  const texts = [TEXTS[0], ...between, TEXTS[3]]
  const begun = { kind: 'http', label, attribute: 'db', engines: [engine] }
  const ended = { outcome: 'committed', asked: 'commit', statements: texts.length }
  return [
    say('request', { phase: 'start', id: request, ...begun }),
    say('session', { phase: 'start', id: session, engine, request, mode: 'transaction' }),
    say('checkout', {
      phase: 'start',
      id: checkout,
      ...where,
      request,
      session,
      site: SITE,
      isLineTaken: true,
    }),
    say('checkout', { phase: 'acquired', id: checkout, ...where, waitMs: 0.1, ...line }),
    say('transaction', { phase: 'start', id: transaction, ...asked, site: SITE }),
    ...texts.flatMap(statement),
    say('transaction', { phase: 'end', id: transaction, engine, durationMs: 1, ...ended }),
    say('checkout', { phase: 'released', id: checkout, ...where, connection, heldMs: 1, discarded: null }),
    say('session', { phase: 'end', id: session, engine, request, released: true, statements: texts.length }),
    say('request', { phase: 'end', id: request, outcome: 'finished', status: 200, unreleased: [] }),
  ]
}

/** Of many, each third is alike its neighbours, so that the page has runs to fold and single lines to show. */
const textOf = (index, of) =>
  of <= 2 || index % 60 < 20
    ? TEXTS[1 + (index % 2 && of <= 2 ? 1 : 0)]
    : [`select "c${index % 40}" from "t${index % 7}" where "id" = $1 and "state" <> $2`, 2]
