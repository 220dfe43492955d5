// Runs a thing that takes nanoseconds many times. Its cost is that of a turn of the loop with it, less one without.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { channels } from 'enginelight/channels'
import { panel } from 'enginelight/panel'
import { valuesHash } from '../../.cache/compiled/server-lib/identity/values-hash.js'
import { watchStatements } from '../../.cache/compiled/server-lib/postgres/watch-statements.js'
import { MESSAGES_OF_A_UNIT, tellOfUnit } from './messages.js'

export async function open({ what }) {
  const thing = await THINGS[what]()
  let cost
  return {
    batch(turns) {
      // The empty loop before and after: what the machine does meanwhile is in both.
      const before = timed(() => thing.without(turns))
      const took = timed(() => thing.run(turns))
      const after = timed(() => thing.without(turns))
      cost = ((took - (before + after) / 2) / turns) * thing.perMs
    },
    seen: () => ({ cost, sink }),
    close: async () => thing.stop?.(),
  }
}

function timed(work) {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}

const NS = 1e6
const US = 1e3
/** What a loop has done: without it V8 would leave the loop out. */
let sink = 0

const THINGS = {
  guard: () => ({
    perMs: NS,
    without(turns) {
      let value = turns
      for (let turn = 0; turn < turns; turn++) value = next(value)
      sink = value
    },
    run(turns) {
      let value = turns
      for (let turn = 0; turn < turns; turn++) {
        if (channels.statement.hasSubscribers) value--
        value = next(value)
      }
      sink = value
    },
  }),
  unheard() {
    const plain = connection()
    const watched = connection()
    watchStatements(watched, UNHEARD)
    return {
      perMs: NS,
      without(turns) {
        for (let turn = 0; turn < turns; turn++) sink = plain.query('select 1', turn)
      },
      run(turns) {
        for (let turn = 0; turn < turns; turn++) sink = watched.query('select 1', turn)
      },
    }
  },
  values: () => ({
    perMs: NS,
    without(turns) {
      for (let turn = 0; turn < turns; turn++) sink = [turn, UUID].length
    },
    run(turns) {
      for (let turn = 0; turn < turns; turn++) sink = valuesHash([turn, UUID])
    },
  }),
  async recorder() {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const mounted = await panel({ enabled: true }).attach(server)
    let unit = 0
    return {
      perMs: US,
      // To build the message is part of its cost.
      without: () => {},
      run(turns) {
        for (let turn = 0; turn < turns; turn += MESSAGES_OF_A_UNIT) tellOfUnit(unit++)
      },
      async stop() {
        await mounted.close()
        server.close()
      },
    }
  },
}

const UUID = '3f2b8c1e-7a54-4f0e-9d66-0c1d2e3f4a5b'

/** What watches a connection of a pool, as far as it is asked while nobody listens. */
const UNHEARD = {
  isApplications: false,
  isHeard: false,
  sends: () => true,
  noting: () => undefined,
  passOver() {},
}

/** Something that a loop cannot be left out for, nor done ahead. */
function next(value) {
  value ^= value << 13
  value ^= value >>> 17
  return value ^ (value << 5)
}

/** No driver: its `query` does so little that what is put around it is seen. */
const connection = () => ({ query: (text, value) => (value + text.length) | 0 })
