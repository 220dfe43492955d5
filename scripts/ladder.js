// Who may import whom, types included. A test of this folder holds the code to it.
import { readFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { root } from './shell.js'

/** The rooms of `server-lib`, from the bottom to the top. Each may import from those before it. */
export const LADDER = [
  'identity', // ids, lines of code, fault points
  'dialect', // what a database has to be able to do for us; knows no database
  'channels', // messages, errors, outcomes, engine reports
  'clock', // deadlines, the ring, the heartbeat
  'requests', // the request scope
  'watch', // whose call this is
  'pool', // who holds what
  'engines', // one engine: options, pool, check-out
  'postgres', // one database, with everything that only it knows; see DIALECTS
  'readings.ts', // how observers read the statements of a database
  'databases.ts', // the databases that there are
  'sessions', // one unit of work on one engine
  'commit', // many engines at once
  'sharing', // other libraries' connections
  'containers', // the sessions of one request
  'run', // a function as a unit
  'engine-set', // what createEngines composes
  'index.ts',
  'adapters', // frameworks
  'schema', // tables, types, drift
]

/** What reads SQL. Both files know nothing else of ours, so that the page loads them too. */
const SQL = ['server-lib/dialect/scan-sql.ts', 'server-lib/postgres/grammar.ts']

/** The other folders, and what each may import outside of itself: a folder or a single file. */
export const DOORS = {
  'instrumentation/model': ['server-lib/channels/words.ts', ...SQL],
  'instrumentation/findings': ['instrumentation/model', 'server-lib/channels/words.ts'],
  'instrumentation/otel': [
    'server-lib/channels',
    'server-lib/identity',
    'server-lib/dialect/texts.ts',
    'server-lib/readings.ts',
    ...SQL,
  ],
  'instrumentation/panel': [
    'instrumentation/model',
    'instrumentation/findings',
    'server-lib/index.ts',
    'server-lib/channels',
    'server-lib/identity',
    'server-lib/readings.ts',
  ],
  'instrumentation/expect': [
    'instrumentation/model',
    'instrumentation/findings',
    'instrumentation/panel/baseline-file.ts',
    'instrumentation/panel/judge',
    'instrumentation/panel/recorder',
    'server-lib/index.ts',
    'server-lib/channels',
  ],
  'panel-ui': ['instrumentation/model', 'instrumentation/findings', 'server-lib/channels/words.ts'],
  cli: [
    'instrumentation/model',
    'instrumentation/findings',
    'instrumentation/panel/baseline-file.ts',
    'instrumentation/panel/page/index.ts',
    'instrumentation/panel/processes/index.ts',
    'instrumentation/panel/project/index.ts',
    'server-lib/index.ts',
    'server-lib/channels',
    'server-lib/identity',
    'server-lib/schema',
  ],
}

/**
 * Who may name a database: its own folder, the list of databases, what observers read texts with, and the doors for hosts,
 * which look like a driver's own client. All others speak to it through `dialect/`. The grammar is one of the files in SQL.
 */
export const DIALECTS = ['postgres']
const KNOW_DATABASES = ['databases.ts', 'readings.ts', 'sharing/hosts', 'sharing/postgres-js']

/** Only tests import these, of whatever folder. */
const FOR_TESTS = /\.test(-d)?\.tsx?$|\/(testing|scenarios)\//

/** Each import of a file from a file of ours, as `[from, to]`. `files` are paths from the root. */
export async function importsOf(files) {
  const read = async from => {
    const text = await readFile(join(root, from), 'utf8')
    return importedBy(from, text).map(to => [from, to])
  }
  return (await Promise.all(files.map(read))).flat()
}

/** What a text imports of ours: `import`, `export … from` and `import()`, of types too. */
export function importedBy(from, text) {
  const { module } = parseSync(from, text)
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.map(entry => entry.moduleRequest?.value)),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start + 1, end - 1)),
    // import('…').Type
    ...[...text.matchAll(/\bimport\('(\.[^']+)'\)/g)].map(([, name]) => name),
  ]
  const own = named.filter(name => name?.startsWith('.'))
  return [...new Set(own.map(name => posix.join(dirname(from), name)))]
}

/** Why a file may not import another one, or undefined where it may. */
export function againstTheLadder(from, to) {
  if (FOR_TESTS.test(from)) return undefined
  if (FOR_TESTS.test(to)) return `${from} imports ${to}, which is for tests`
  const reason = namesDatabase(from, to)
  if (reason !== undefined) return reason
  const rung = rungOf(from)
  if (rung >= 0) {
    const other = rungOf(to)
    return other >= 0 && other <= rung
      ? undefined
      : `${from} imports ${to}: ${LADDER[rung]} stands below ${LADDER[other] ?? to}`
  }
  const folder = Object.keys(DOORS).find(name => isIn(from, name))
  if (folder === undefined || isIn(to, folder) || DOORS[folder].some(door => isIn(to, door))) return undefined
  return `${from} imports ${to}: ${folder} may import ${DOORS[folder].join(', ') || 'nothing'}`
}

/** Why a file may not know a database; undefined for one that may, and for any other import. */
function namesDatabase(from, to) {
  const dialect = DIALECTS.find(name => isIn(to, `server-lib/${name}`))
  if (dialect === undefined || SQL.includes(to)) return undefined
  const may = [dialect, ...KNOW_DATABASES].some(place => isIn(from, `server-lib/${place}`))
  return may ? undefined : `${from} imports ${to}: only ${KNOW_DATABASES.join(', ')} may name a database`
}

/** Files that import each other, whatever the way round: each circle as its files. */
export function circles(imports) {
  const next = new Map()
  for (const [from, to] of imports) next.set(from, [...(next.get(from) ?? []), to])
  const found = []
  const order = new Map()
  const lowest = new Map()
  const path = []
  const visit = file => {
    order.set(file, order.size)
    lowest.set(file, order.get(file))
    path.push(file)
    for (const to of next.get(file) ?? []) {
      if (!order.has(to)) visit(to)
      if (path.includes(to)) lowest.set(file, Math.min(lowest.get(file), lowest.get(to)))
    }
    if (lowest.get(file) !== order.get(file)) return
    const circle = path.splice(path.indexOf(file))
    if (circle.length > 1) found.push(circle)
  }
  for (const file of next.keys()) if (!order.has(file)) visit(file)
  return found
}

const isIn = (path, place) => path === place || path.startsWith(`${place}/`)

function rungOf(path) {
  const [folder, room] = path.split('/')
  return folder === 'server-lib' ? LADDER.indexOf(room) : -1
}
