// Everything that the library says of one request with one session, four statements of a transaction in it, as it says
// it: each unit with identities of its own.
import { channels } from 'enginelight/channels'

const SITE = { label: 'src/orders.ts:41', frames: ['placeOrder (src/orders.ts:41:19)'] }
const TEXTS = [
  ['BEGIN', 0],
  ['select * from "items" where "id" = $1', 1],
  ['insert into "events" ("item_id", "note") values ($1, $2)', 2],
  ['COMMIT', 0],
]

/** Without those of the transaction's and session's states. */
export const MESSAGES_OF_A_UNIT = 9 + 2 * TEXTS.length

export function tellOfUnit(unit) {
  const request = `u${unit}`
  const session = `s${unit}`
  const checkout = `k${unit}`
  const transaction = `t${unit}`
  const at = performance.now()
  const where = { engine: 'main', pool: 'main#1' }
  const line = { connection: `c${unit % 10}`, slot: unit % 10, backendPid: 4711 + (unit % 10) }
  channels.request.publish({
    phase: 'start',
    at,
    id: request,
    kind: 'http',
    label: 'POST /orders',
    attribute: 'db',
    engines: ['main'],
  })
  channels.session.publish({ phase: 'start', at, id: session, engine: 'main', request, mode: 'transaction' })
  channels.checkout.publish({ phase: 'start', at, id: checkout, ...where, request, session, site: SITE })
  channels.checkout.publish({ phase: 'acquired', at, id: checkout, ...where, waitMs: 0.1, ...line })
  const asked = { ...where, ...line, checkout, session, request }
  channels.transaction.publish({ phase: 'start', at, id: transaction, ...asked, site: SITE })
  for (const [index, [text, parameters]] of TEXTS.entries())
    tellOfStatement(unit, index, text, parameters, asked)
  channels.transaction.publish({
    phase: 'end',
    at,
    id: transaction,
    engine: 'main',
    durationMs: 1,
    outcome: 'committed',
    asked: 'commit',
    statements: TEXTS.length,
  })
  const { connection } = line
  channels.checkout.publish({
    phase: 'released',
    at,
    id: checkout,
    ...where,
    connection,
    heldMs: 1,
    discarded: null,
  })
  channels.session.publish({
    phase: 'end',
    at,
    id: session,
    engine: 'main',
    request,
    released: true,
    statements: TEXTS.length,
  })
  channels.request.publish({
    phase: 'end',
    at,
    id: request,
    outcome: 'finished',
    status: 200,
    unreleased: [],
  })
}

function tellOfStatement(unit, index, text, parameters, asked) {
  const id = `q${unit * TEXTS.length + index}`
  channels.statement.publish({
    phase: 'start',
    at: performance.now(),
    id,
    ...asked,
    transaction: `t${unit}`,
    text,
    parameters,
    kind: 'query',
    queuedMs: 0,
    site: SITE,
    valuesHash: 1 + (unit % 1000),
  })
  const durationMs = 0.2
  channels.statement.publish({
    phase: 'end',
    at: performance.now(),
    id,
    engine: 'main',
    durationMs,
    rows: 1,
    command: text.slice(0, 6),
    error: null,
  })
}
