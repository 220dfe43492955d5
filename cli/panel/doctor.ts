import { VERSION } from '../../server-lib/identity/version.ts'
import { count } from '../../instrumentation/model/format.ts'
import { NO_CONTEXT, type Engine, type PanelState } from '../../instrumentation/model/state.ts'
import { headOf, processOf, type Report } from './report.ts'
import { gap, text, type Tone } from './screen.ts'
import type { Moment } from './watcher.ts'

/** One thing that is watched, or is not. `unknown` is no fault: nothing has shown it yet. */
interface Check {
  readonly about: string
  readonly state: 'ok' | 'warning' | 'unknown'
  readonly say: string
  readonly remedy?: string
}

/** What of the process is watched and what is not, with the remedy; 1 if there is a warning. */
export function doctor(moment: Moment): Report {
  const { state } = moment
  const checks = [
    versionCheck(moment),
    ...enginesChecks(state),
    requestsCheck(state),
    contextCheck(state),
    linesCheck(state),
    ...serverChecks(moment),
    recordingCheck(moment),
  ]
  return {
    json: { process: processOf(moment), checks },
    blocks: [
      headOf(moment),
      gap,
      ...checks.flatMap(({ about, state, say, remedy }) => [
        text(`${MARKS[state]}  ${about}: ${say}`, TONES[state]),
        ...(remedy === undefined ? [] : [text(remedy, 'plain', 2)]),
      ]),
    ],
    isBad: checks.some(({ state }) => state === 'warning'),
  }
}

const MARKS: Record<Check['state'], string> = { ok: 'ok', warning: '!!', unknown: '??' }
const TONES: Record<Check['state'], Tone> = { ok: 'good', warning: 'warn', unknown: 'plain' }

function versionCheck({ hello }: Moment): Check {
  const about = 'version'
  const say = `the process runs enginelight ${hello.version} on Node ${hello.node}.`
  if (hello.version === VERSION) return { about, state: 'ok', say }
  const remedy = `This command is of ${VERSION}: what only one of the two knows is not shown.`
  return { about, state: 'warning', say, remedy }
}

function enginesChecks({ engines }: PanelState): Check[] {
  if (engines.size > 0) return [...engines.values()].map(engineCheck)
  const remedy = 'Only what goes through createEngines() is watched: give it your knex or pg.Pool as it is.'
  return [{ about: 'engines', state: 'warning', say: 'the process has none.', remedy }]
}

const SOURCES: Record<Engine['source'], string> = {
  connection: 'a pool of its own',
  knex: 'the application’s knex',
  'pg.Pool': 'the application’s pg.Pool',
  borrowed: 'connections of a host',
}

function engineCheck(engine: Engine): Check {
  const about = `engine ${engine.engine}`
  if (engine.closed) return { about, state: 'unknown', say: 'closed.' }
  const say = `watched, on ${SOURCES[engine.source]}; ${engine.mode}, ${engine.access}.`
  if (engine.transactions === 'unknown') {
    const remedy =
      'Its driver does not tell which transactions are open: pg tells it, an old pg-native does not.'
    return { about, state: 'warning', say, remedy }
  }
  if (engine.heldWarningMs === null)
    return { about, state: 'warning', say, remedy: 'Long holds are not told: heldWarningMs is off.' }
  return { about, state: 'ok', say }
}

function requestsCheck({ requests }: PanelState): Check {
  const about = 'requests'
  const kinds = [...requests.values()].map(({ kind }) => kind)
  const http = kinds.filter(kind => kind === 'http').length
  if (http > 0) return { about, state: 'ok', say: `${count(http, 'HTTP request')} seen.` }
  const scopes = kinds.filter(kind => kind === 'scope').length
  if (scopes > 0) return { about, state: 'ok', say: `no HTTP request, but ${count(scopes, 'scope')} seen.` }
  const remedy = 'Either none has come yet, or sessions(engines) is not mounted before the handlers.'
  return { about, state: 'unknown', say: 'none seen.', remedy }
}

function contextCheck({ requests }: PanelState): Check {
  const about = 'context'
  const outside = requests.get(NO_CONTEXT)?.statements.length ?? 0
  const all = [...requests.values()].reduce((sum, { statements }) => sum + statements.length, 0)
  if (all === 0) return { about, state: 'unknown', say: 'no statement seen.' }
  const say = `${outside} of ${count(all, 'statement')} ran outside of any request.`
  if (outside * 2 <= all) return { about, state: 'ok', say }
  const remedy =
    'Work of jobs belongs in engines.scope(fn); a library may lose the async context of a request.'
  return { about, state: 'warning', say, remedy }
}

function linesCheck({ requests }: PanelState): Check {
  const about = 'lines'
  const statements = [...requests.values()].flatMap(request => request.statements)
  if (statements.length === 0) return { about, state: 'unknown', say: 'no statement seen.' }
  const without = statements.filter(({ site }) => site === null).length
  const say = `${without} of ${count(statements.length, 'statement')} have no line of the application.`
  if (without * 2 <= statements.length) return { about, state: 'ok', say }
  return {
    about,
    state: 'warning',
    say,
    remedy: 'No frame of your code was on the stack when they were sent.',
  }
}

function serverChecks({ truth }: Moment): Check[] {
  if (truth === null) return [{ about: 'servers', state: 'unknown', say: 'not asked about locks.' }]
  return truth.engines.map(told => {
    const about = `server of ${told.engine}`
    if ('unasked' in told) return { about, state: 'unknown', say: `not asked about locks: ${told.unasked}.` }
    return { about, state: 'ok', say: 'asked about locks and prepared transactions.' }
  })
}

function recordingCheck({ stat }: Moment): Check {
  const about = 'recording'
  if (stat === null) return { about, state: 'unknown', say: 'no gauges came.' }
  const { dropped, ring, ownCost } = stat
  const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`
  const say = `${megabytes(ring.bytes)} of ${megabytes(ring.limit)} kept; it took ${(ownCost * 100).toFixed(1)} % of the last second.`
  if (dropped.statements === 0) return { about, state: 'ok', say }
  const remedy = `${count(dropped.statements, 'statement')} of large requests were only counted (limits.statementsPerRequest).`
  return { about, state: 'warning', say, remedy }
}
