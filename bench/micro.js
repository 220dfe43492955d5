// The costs that are too small to be seen among statements: a question whether anybody listens, the hash of a statement's
// values, and one message to the panel's recorder. Each in a process of its own, beside itself measured once more, which shows the noise.
import { measureRounds } from './rounds.js'
import { spreadOf } from './statistics.js'
import { startSubject } from './subjects.js'

const ROUNDS = 15
const WARM_UP_ROUNDS = 5

const COSTS = [
  { id: 'a guard with nobody listening', what: 'guard', per: 'ns', limit: 10, units: 20_000_000 },
  {
    id: 'a guard with nobody listening, once more',
    what: 'guard',
    per: 'ns',
    noiseOf: 'a guard with nobody listening',
    units: 20_000_000,
  },
  { id: 'a statement through a watched connection, unheard', what: 'unheard', per: 'ns', units: 5_000_000 },
  { id: 'the hash of a number and a UUID', what: 'values', per: 'ns', limit: 500, units: 500_000 },
  { id: 'a message with the recorder listening', what: 'recorder', per: 'µs', limit: 5, units: 20_000 },
  {
    id: 'a message with the recorder listening, once more',
    what: 'recorder',
    per: 'µs',
    noiseOf: 'a message with the recorder listening',
    units: 20_000,
  },
]

/** Resolves to a row for each cost, its loop's own cost taken off, and the figures they are to reach. */
export async function measureMicro() {
  const subjects = []
  const units = new Map()
  try {
    for (const { id, what, units: count } of COSTS) {
      const subject = await startSubject({ name: id, module: './micro/tiny.js', options: { what } })
      units.set(subject, count)
      subjects.push(subject)
    }
    const rounds = await measureRounds(subjects, {
      rounds: ROUNDS,
      warmup: WARM_UP_ROUNDS,
      units: subject => units.get(subject),
      concurrency: 1,
    })
    const rows = COSTS.map(({ id, per, noiseOf, limit }) => ({
      id,
      per,
      noiseOf,
      limit,
      cost: spreadOf(rounds.map(round => round[id].cost)),
    }))
    const figures = rows
      .filter(({ limit }) => limit !== undefined)
      .map(({ id, per, limit, cost }) => ({ what: id, unit: ` ${per}`, limit, measured: cost }))
    return { rows, figures }
  } finally {
    for (const subject of subjects) await subject.stop()
  }
}
