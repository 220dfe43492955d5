import { isIP } from 'node:net'
import {
  ANYTHING,
  BOOLEAN,
  checkOptions,
  isObject,
  notEmpty,
  whole,
  type Asker,
  type Need,
  type Needs,
} from '../../server-lib/channels/options.ts'
import { EnginelightError } from '../../server-lib/index.ts'
import type { Baseline } from '../findings/baseline.ts'
import type { Budgets } from '../findings/budgets.ts'
import { readBaseline } from './baseline-file.ts'
import { PeerLock, isHost, isOrigin, isRange } from './locks/index.ts'
import { DEFAULT_LIMITS, type RecorderLimits } from './recorder/index.ts'

/** How the panel is mounted and who may see it. */
export interface PanelOptions {
  /** What `createEngines` returned. Without it the panel sees all engines of the process as well. */
  engines?: { readonly names: Iterable<string> }
  /** Default: true if `NODE_ENV` is exactly `development`. When false, nothing is loaded and nothing changes. */
  enabled?: boolean
  /** Remote addresses beyond loopback, as CIDRs: `['172.17.0.0/16']`. Compared with the socket's address. */
  allow?: readonly string[]
  /** Host names beyond `localhost`, `127.0.0.1` and `[::1]` that reach the panel: `['dev.example:8080']`. */
  allowedHosts?: readonly string[]
  /** Origins of pages beyond the panel's own, if a proxy changes them: `['https://dev.example']`. */
  allowedOrigins?: readonly string[]
  /**
   * At least 16 characters of `A-Z a-z 0-9 - . _ ~`. Default: 128 random bits, the same at each start: they are kept for
   * this project in the state folder of the user, whom alone the file belongs to.
   */
  token?: string
  /** The application's name on the page. Default: the engines' application name, else the started file. */
  application?: string
  limits?: Partial<RecorderLimits>
  /**
   * Whether errors show their own messages, and those of their causes. PostgreSQL quotes values and pieces of
   * statements in them. Default false: the code, its meaning, and the names of the objects concerned.
   */
  errorMessages?: boolean
  /**
   * A file of known findings, which are not told. It may be missing. Default: none.
   */
  baseline?: string
  /**
   * How many statements a request may send, by its route: `{ 'GET /orders/:id': 12, 'GET /reports/*': 60, '*': 30 }`. The
   * first route that fits counts. Default: none.
   */
  budgets?: Readonly<Record<string, number>>
}

export interface StartPanelOptions extends PanelOptions {
  /**
   * Default: the same one at each start of this project. Its other processes share it: one has it, and shows all of
   * them. 0 is any free port.
   */
  port?: number
  /** An address or `localhost`. Default `127.0.0.1`. An address beyond loopback needs `allow`. */
  host?: string
}

/** The options, checked and completed. */
export interface PanelSettings {
  enabled: boolean
  allow: readonly string[]
  allowedHosts: readonly string[]
  allowedOrigins: readonly string[]
  /** Null: the project's own. */
  token: string | null
  application: string | null
  limits: RecorderLimits
  errorMessages: boolean
  baseline: Baseline | undefined
  budgets: Budgets
  /** Null: the project's own. */
  port: number | null
  host: string
}

/** The range of each limit. The ring's maximum is what the panel's 16 MiB leave room for, and what a page can take. */
const LIMITS: Needs<RecorderLimits> = {
  ringBytes: between(16 * 1024, 32 * 1024 * 1024),
  dictionaryBytes: between(16 * 1024, 32 * 1024 * 1024),
  keptBytes: between(16 * 1024, 32 * 1024 * 1024),
  requestsKept: between(1, 10_000),
  statementsPerRequest: between(1, 100_000),
  slowMs: between(0, 3_600_000),
}
const NEEDS: Needs<StartPanelOptions> = {
  engines: ANYTHING,
  enabled: BOOLEAN,
  errorMessages: BOOLEAN,
  baseline: notEmpty('a path'),
  budgets: ANYTHING,
  allow: ANYTHING,
  allowedHosts: ANYTHING,
  allowedOrigins: ANYTHING,
  token: ANYTHING,
  application: notEmpty('a name'),
  limits: ANYTHING,
  port: between(0, 65_535, 'a number '),
  host: ANYTHING,
}
const PANEL: Asker = {
  name: 'The panel',
  code: 'EL_PANEL_CONFIG',
  given: show,
  noObject: () => 'The options of the panel must be an object.',
  noOption: (option, known) => `The panel has no option ${option}; there are ${known}.`,
  wrong: (option, needs, given) => `\`${option}\` of the panel must be ${needs}, not ${given}.`,
}
const PANEL_LIMITS: Asker = {
  ...PANEL,
  fields: { option: 'limits' },
  noObject: () => '`limits` of the panel must be an object.',
  noOption: limit => `The panel has no limit ${limit}.`,
  wrong: (limit, needs, given) => `The panel's limit ${limit} must be ${needs}, not ${given}.`,
}

function between(least: number, most: number, what = ''): Need {
  return whole(`${what}from ${least} to ${most}`, least, most)
}

/** Checks all options, or throws `EL_PANEL_CONFIG` before anything has changed. */
export function settingsOf(options: StartPanelOptions = {}): PanelSettings {
  if (areEngines(options))
    throw bad(
      'engines',
      'The panel takes its engines by name: write panel({ engines }), and not panel(engines).',
    )
  checkOptions(PANEL, options, NEEDS)
  checkEngines(options.engines)
  const { enabled, errorMessages, application, baseline, port = null, host = '127.0.0.1' } = options
  const isEnabled = enabled ?? process.env['NODE_ENV'] === 'development'
  const allow = list('allow', options.allow, isRange, 'an address or a CIDR such as 172.17.0.0/16')
  const allowedHosts = list('allowedHosts', options.allowedHosts, isHost, 'a host such as dev.example:8080')
  const allowedOrigins = list(
    'allowedOrigins',
    options.allowedOrigins,
    isOrigin,
    'an origin such as https://dev.example',
  )
  return {
    enabled: isEnabled,
    allow,
    allowedHosts: [...allowedHosts, ...checkHost(host, allow)],
    allowedOrigins,
    token: checkToken(options.token),
    application: application ?? null,
    limits: checkLimits(options.limits),
    errorMessages: errorMessages ?? false,
    baseline: isEnabled && baseline !== undefined ? readBaseline(baseline) : undefined,
    budgets: checkBudgets(options.budgets),
    port,
    host: host === 'localhost' ? '127.0.0.1' : host,
  }
}

const areEngines = (value: unknown) => isObject(value) && 'names' in value && 'containerFor' in value

function checkEngines(engines: unknown): void {
  if (engines === undefined) return
  const names =
    typeof engines === 'object' && engines !== null && 'names' in engines ? engines.names : undefined
  const isIterable = typeof names === 'object' && names !== null && Symbol.iterator in names
  if (!isIterable) throw bad('engines', '`engines` of the panel must be what `createEngines` returned.')
  for (const _ of names as Iterable<unknown>) return
  throw bad('engines', '`engines` of the panel has no engine in it.')
}

/** The bound address is accepted as a name of the panel: an address cannot be rebound. */
function checkHost(host: unknown, allow: readonly string[]): string[] {
  if (typeof host !== 'string' || (host !== 'localhost' && isIP(host) === 0))
    throw bad('host', `\`host\` of the panel must be an address or localhost, not ${show(host)}.`)
  if (host === 'localhost' || new PeerLock([]).admits(host)) return isIP(host) === 4 ? [host] : []
  if (allow.length === 0)
    throw bad('host', `The panel listens on ${host} only if \`allow\` names who may come from there.`)
  if (host === '0.0.0.0' || host === '::') return []
  return [isIP(host) === 6 ? `[${host}]` : host]
}

function checkToken(token: unknown): string | null {
  if (token === undefined) return null
  if (typeof token !== 'string' || !/^[\w.~-]{16,256}$/.test(token))
    throw bad('token', '`token` of the panel must be 16 to 256 characters of A-Z a-z 0-9 - . _ ~.')
  return token
}

function checkLimits(limits: Partial<RecorderLimits> = {}): RecorderLimits {
  checkOptions(PANEL_LIMITS, limits, LIMITS)
  const given = Object.entries(limits).filter(([, value]) => value !== undefined)
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(given) }
}

function checkBudgets(budgets: unknown = {}): Budgets {
  if (!isObject(budgets))
    throw bad('budgets', "`budgets` of the panel must be an object such as { 'GET /orders': 12 }.")
  for (const [route, most] of Object.entries(budgets))
    if (typeof most !== 'number' || !Number.isInteger(most) || most < 1)
      throw bad(
        'budgets',
        `The budget of ${show(route)} must be a whole number of statements from 1, not ${show(most)}.`,
      )
  return { ...(budgets as Budgets) }
}

function list(
  option: string,
  value: unknown,
  isOne: (text: string) => boolean,
  what: string,
): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw bad(option, `\`${option}\` of the panel must be an array.`)
  for (const item of value)
    if (typeof item !== 'string' || !isOne(item))
      throw bad(option, `\`${option}\` of the panel holds ${show(item)}, which is not ${what}.`)
  return [...value]
}

function bad(option: string, sentence: string): EnginelightError {
  return new EnginelightError('EL_PANEL_CONFIG', sentence, { option })
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
