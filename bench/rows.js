// What a row costs: to make one of a message, and to apply it to the state, in the batches of a page and of the judge.
// Says CPU time and not time, so that a busy machine changes little.
import { apply } from '../.cache/compiled/instrumentation/model/apply.js'
import { emptyState } from '../.cache/compiled/instrumentation/model/state.js'
import { Recorder } from '../.cache/compiled/instrumentation/panel/recorder/index.js'
import { DEFAULT_LIMITS } from '../.cache/compiled/instrumentation/panel/recorder/limits.js'
import { declare } from './micro/declare.js'
import { tellOfUnit } from './micro/messages.js'
import { spreadOf } from './statistics.js'

const ROUNDS = 12
const UNITS = 1_500
/** At 2,000 events a second: what comes in one frame of a page, and in one turn of the feed; and after a pause. */
const BATCHES = [32, 100, 1_000]

const recorder = new Recorder({ ...DEFAULT_LIMITS, ringBytes: 64 * 1024 * 1024 })
recorder.start()
declare({ engine: 'main', pool: 'main#1', slots: 10 })
const made = []
const { history } = recorder
for (let unit = 0; unit < UNITS; unit++) tellOfUnit(unit)
const rows = Array.from({ length: history.ring.length }, (_, at) => history.ring.at(history.ring.first + at))
const texts = id => history.dictionary.textOf(id) ?? '…'
recorder.stop()

const only = process.argv[2]
const isAsked = what => only === undefined || only === String(what)
for (let round = -4; round < ROUNDS; round++) {
  const figures = {}
  if (isAsked('made')) figures.made = make()
  for (const batch of BATCHES.filter(isAsked)) figures[batch] = applied(batch)
  if (round >= 0) made.push(figures)
}
const say = (what, key) => {
  const { median, low, high } = spreadOf(made.map(figures => figures[key]))
  const perSecond = Math.round(1e6 / median).toLocaleString('en')
  console.log(
    `${what.padEnd(44)} ${median.toFixed(2)} µs a row (${low.toFixed(2)}–${high.toFixed(2)}), ${perSecond} a second`,
  )
}
if (isAsked('made')) say('a row made of a message, and kept', 'made')
for (const batch of BATCHES.filter(isAsked)) say(`a row applied, ${batch} at a time`, batch)

function make() {
  const other = new Recorder(DEFAULT_LIMITS)
  other.start()
  const took = cpuOf(() => {
    for (let unit = 0; unit < UNITS; unit++) tellOfUnit(unit)
  })
  other.stop()
  return took / other.history.ring.last
}

function applied(batch) {
  let state = emptyState
  const took = cpuOf(() => {
    for (let at = 0; at < rows.length; at += batch) state = apply(state, rows.slice(at, at + batch), texts)
  })
  return took / rows.length
}

function cpuOf(work) {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
