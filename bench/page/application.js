// A process with a panel that tells of made-up traffic through the channels, as the library would: `--rate` messages a
// second, in requests that take some 40 ms each. It does what its parent asks, and says when it was.
import { createServer } from 'node:http'
import { once } from 'node:events'
import { channels } from 'enginelight/channels'
import { panel } from 'enginelight/panel'
import { declare, lineOf } from '../micro/declare.js'
import { MESSAGES, SITE, stepsOfUnit } from './unit.js'

const STEP_MS = 2
const SLOTS = 10
const STEPS_AHEAD = 20
const engine = 'main'
const pool = 'main#1'
const where = { engine, pool }

const server = createServer()
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const mounted = await panel({ enabled: true }).attach(server)
declare({ ...where, slots: SLOTS })

let units = 0
let owed = 0
let rate = 0
const running = []
const free = Array.from({ length: SLOTS }, (_, slot) => slot)
let before = performance.now()
setInterval(() => {
  const now = performance.now()
  owed += (rate * (now - before)) / 1000
  before = now
  while (owed >= 1 && tellNext()) owed--
}, STEP_MS)

/** One message of one of the requests that run, or of a new one; each advances by turns. */
function tellNext() {
  if (running.length < SLOTS / 2 && running.length * STEPS_AHEAD < rate / 10) {
    const slot = free.shift()
    running.push({ slot, steps: stepsOfUnit(units++, { ...where, ...lineOf(slot) }) })
  }
  const unit = running.shift()
  if (unit === undefined) return false
  unit.steps.shift()()
  if (unit.steps.length > 0) running.push(unit)
  else free.push(unit.slot)
  return true
}

const ASKED = {
  rate: ({ perSecond }) => void (rate = perSecond),
  /** A request that is begun and ended, with the time in its label: its row in the list is the fact. */
  fact() {
    const at = performance.now()
    const id = `fact${units++}`
    const label = `GET /fact-${Date.now()}`
    channels.request.publish({
      phase: 'start',
      at,
      id,
      kind: 'http',
      label,
      attribute: 'db',
      engines: [engine],
    })
    setTimeout(() => endRequest(id), 100)
  },
  /** A hold whose holder has the time in its label: a lane of the board is the fact. */
  hold() {
    const at = performance.now()
    const id = `hold${units++}`
    const label = `GET /fact-${Date.now()}`
    const slot = free.shift()
    channels.request.publish({
      phase: 'start',
      at,
      id,
      kind: 'http',
      label,
      attribute: 'db',
      engines: [engine],
    })
    const checkout = `k-${id}`
    const asked = { ...where, id: checkout, request: id, session: null, site: SITE, isLineTaken: true }
    channels.checkout.publish({ phase: 'start', at, ...asked })
    channels.checkout.publish({ phase: 'acquired', at, ...where, id: checkout, waitMs: 0, ...lineOf(slot) })
    setTimeout(() => {
      const { connection } = lineOf(slot)
      const over = { phase: 'released', at: performance.now(), id: checkout, ...where, connection }
      channels.checkout.publish({ ...over, heldMs: 400, discarded: null })
      endRequest(id)
      free.push(slot)
    }, 400)
  },
  /** One request with so many statements, some of them alike. */
  long({ statements }) {
    for (const step of stepsOfUnit('long', { ...where, ...lineOf(0) }, statements)) step()
  },
}

process.on('message', message => ASKED[message.ask](message))
process.on('disconnect', () => process.exit(0))
process.send({ url: mounted.url, messages: MESSAGES })

function endRequest(id) {
  const at = performance.now()
  channels.request.publish({ phase: 'end', at, id, outcome: 'finished', status: 200, unreleased: [] })
}
