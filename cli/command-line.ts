import { parseArgs } from 'node:util'
import { panelAddress, type PanelAddress } from './panel/address.ts'
import { failOnOf, type FailOn } from './panel/findings.ts'
import { UsageError } from './usage.ts'

/** What a command of the running panel is given: where that is, or nothing for the one of this project. */
interface OfPanel {
  readonly json: boolean
  readonly panel: PanelAddress | undefined
  /** Of several processes. */
  readonly pid: number | undefined
}
interface OfEngines {
  readonly json: boolean
  /** A module. */
  readonly engines: string
}

export type PanelLine = OfPanel &
  (
    | { readonly command: 'now' | 'queries' | 'doctor' }
    | { readonly command: 'open'; readonly onlyPrint: boolean }
    | { readonly command: 'tail' }
    | { readonly command: 'holds'; readonly engine: string }
    | {
        readonly command: 'findings'
        readonly failOn: FailOn
        /** A file of known findings, to which these are added. */
        readonly accept: string | undefined
      }
    | { readonly command: 'request' | 'tx'; readonly id: string }
  )

export type EnginesLine = OfEngines &
  (
    | { readonly command: 'install' }
    | {
        readonly command: 'recover'
        readonly dryRun: boolean
        readonly olderThanMs: number
        readonly keepDecisionsMs: number
      }
    | {
        readonly command: 'types'
        readonly out: string
        readonly check: boolean
        readonly partitions: boolean
        /** All where none is named. */
        readonly only: readonly string[]
        readonly engine: readonly string[]
        readonly schema: readonly string[]
        /** A JSON file. */
        readonly typeMap: string | undefined
      }
  )

export type CommandLine =
  | { readonly command: 'help' }
  | { readonly command: 'token'; readonly json: boolean }
  | PanelLine
  | EnginesLine

const OPTIONS = {
  engines: { type: 'string' },
  url: { type: 'string' },
  pid: { type: 'string' },
  json: { type: 'boolean', default: false },
  'fail-on': { type: 'string' },
  accept: { type: 'string' },
  print: { type: 'boolean', default: false },
  new: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  'older-than': { type: 'string', default: '60s' },
  'keep-decisions': { type: 'string', default: '7d' },
  out: { type: 'string' },
  engine: { type: 'string', multiple: true },
  schema: { type: 'string', multiple: true },
  only: { type: 'string', multiple: true },
  'type-map': { type: 'string' },
  partitions: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Option = keyof typeof OPTIONS

interface Command {
  /** What follows the command's name, for its usage. */
  readonly operand: string | null
  readonly options: readonly Option[]
}

const command = (options: readonly Option[], operand: string | null = null): Command => ({ operand, options })

/** Each command with its operand and the options that it has besides `--json`. */
export const COMMANDS = {
  now: command(['url', 'pid']),
  holds: command(['url', 'pid'], 'engine'),
  findings: command(['url', 'pid', 'fail-on', 'accept']),
  request: command(['url', 'pid'], 'id'),
  tx: command(['url', 'pid'], 'id'),
  queries: command(['url', 'pid']),
  tail: command(['url', 'pid']),
  doctor: command(['url', 'pid']),
  open: command(['pid', 'print']),
  token: command(['new']),
  recover: command(['engines', 'dry-run', 'older-than', 'keep-decisions']),
  install: command(['engines']),
  types: command(['engines', 'out', 'check', 'engine', 'schema', 'only', 'type-map', 'partitions']),
} satisfies Record<Exclude<CommandLine['command'], 'help'>, Command>

type Name = keyof typeof COMMANDS
type Values = ReturnType<typeof parse>['values']

/** Throws a UsageError for whatever is not in the usage. */
export function readCommandLine(args: string[]): CommandLine {
  const { values, positionals } = parse(args)
  const [name, ...more] = positionals
  if (values.help || name === 'help') return { command: 'help' }
  if (name === undefined) throw new UsageError('There is no command.')
  if (!isCommand(name)) throw new UsageError(`There is no command ${name}.`)
  const { operand } = COMMANDS[name]
  const given = operand === null ? [] : more.splice(0, 1)
  if (more.length > 0) throw new UsageError(`${more.join(' ')} is too much.`)
  if (operand !== null && !given[0])
    throw new UsageError(`${name} needs the ${operand}: enginelight ${name} <${operand}>.`)
  const line = read(name, given[0] ?? '', values)
  refuseForeign(args, name)
  return line
}

const isCommand = (name: string): name is Name => Object.hasOwn(COMMANDS, name)

function read(name: Name, operand: string, values: Values): CommandLine {
  const { json } = values
  const ofPanel = () => ({ json, panel: panelOf(values), pid: pidOf(values) })
  switch (name) {
    case 'now':
    case 'queries':
    case 'doctor':
      return { command: name, ...ofPanel() }
    case 'tail':
      return { command: name, ...ofPanel() }
    case 'open':
      return { command: name, onlyPrint: values.print, ...ofPanel() }
    case 'token':
      if (!values.new) throw new UsageError('token needs --new: it replaces the token of this project.')
      return { command: name, json }
    case 'holds':
      return { command: name, engine: operand, ...ofPanel() }
    case 'findings': {
      const failOn = values['fail-on'] === undefined ? () => false : failOnOf(values['fail-on'])
      return { command: name, failOn, accept: values.accept, ...ofPanel() }
    }
    case 'request':
    case 'tx':
      return { command: name, id: operand, ...ofPanel() }
    case 'install':
      return { command: name, ...ofEngines(values) }
    case 'recover':
      return {
        command: name,
        ...ofEngines(values),
        dryRun: values['dry-run'],
        olderThanMs: milliseconds('older-than', values['older-than']),
        keepDecisionsMs: milliseconds('keep-decisions', values['keep-decisions']),
      }
    case 'types': {
      const { out, engine = [], schema = [], only = [], 'type-map': typeMap, partitions, check } = values
      const engines = ofEngines(values)
      if (!out) throw new UsageError('--out is missing: the folder of the types.')
      return { command: name, ...engines, out, engine, schema, only, typeMap, partitions, check }
    }
    default:
      return name satisfies never
  }
}

/** Whose URL is given. A command line can be seen by others, an environment cannot. */
function panelOf({ url, pid }: Values): PanelAddress | undefined {
  if (url !== undefined) return panelAddress(url, '--url')
  if (pid !== undefined) return undefined
  const fromEnvironment = process.env['ENGINELIGHT_PANEL_URL']
  return fromEnvironment ? panelAddress(fromEnvironment, 'ENGINELIGHT_PANEL_URL') : undefined
}

function pidOf({ pid, url }: Values): number | undefined {
  if (pid === undefined) return undefined
  if (url !== undefined) throw new UsageError('--pid and --url name a process each: give one of them.')
  if (/^[1-9]\d{0,9}$/.test(pid)) return Number(pid)
  throw new UsageError('--pid must be the number of a process.')
}

function ofEngines({ engines, json }: Values): OfEngines {
  if (!engines) throw new UsageError('--engines is missing: the module with the engines.')
  return { engines, json }
}

function refuseForeign(args: string[], name: Name): void {
  for (const option of Object.keys(OPTIONS) as Option[]) {
    if (option === 'json' || option === 'help' || COMMANDS[name].options.includes(option)) continue
    if (!args.some(arg => arg === `--${option}` || arg.startsWith(`--${option}=`))) continue
    const owners = Object.entries(COMMANDS).filter(([, { options }]) => options.includes(option))
    const names = owners.map(([owner]) => owner)
    throw new UsageError(
      `--${option} goes with ${names.length === 1 ? `${names[0]} alone` : names.join(', ')}.`,
    )
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0] ?? '')
  }
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function milliseconds(option: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+)(ms|[smhd])$/.exec(text) ?? []
  const time = Number(digits) * (UNITS[unit] ?? Number.NaN)
  // The most that a timer, and PostgreSQL, take.
  if (time < 2 ** 31) return time
  throw new UsageError(`--${option} ${text} is no time: 500ms, 60s, 5m, 2h, 7d; at most 24d.`)
}
