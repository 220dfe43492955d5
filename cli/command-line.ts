import { parseArgs } from 'node:util'
import { UsageError } from './usage.ts'

export type CommandLine =
  | { readonly command: 'help' }
  | { readonly command: 'install'; readonly engines: string; readonly json: boolean }
  | {
      readonly command: 'recover'
      readonly engines: string
      readonly json: boolean
      readonly dryRun: boolean
      readonly olderThanMs: number
      readonly keepDecisionsMs: number
    }
  | {
      readonly command: 'types'
      readonly engines: string
      readonly json: boolean
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

const OPTIONS = {
  engines: { type: 'string' },
  json: { type: 'boolean', default: false },
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

/** The options that only one command has. */
const OWN = {
  install: [],
  recover: ['dry-run', 'older-than', 'keep-decisions'],
  types: ['out', 'engine', 'schema', 'only', 'type-map', 'partitions', 'check'],
} as const

/** Throws a UsageError for whatever is not in the usage. */
export function readCommandLine(args: string[]): CommandLine {
  const { values, positionals } = parse(args)
  const [command, ...more] = positionals
  if (values.help || command === 'help') return { command: 'help' }
  if (command === undefined) throw new UsageError('There is no command.')
  if (command !== 'recover' && command !== 'install' && command !== 'types') {
    throw new UsageError(`There is no command ${command}.`)
  }
  if (more.length > 0) throw new UsageError(`${more.join(' ')} is too much.`)
  const { engines, json } = values
  if (!engines) throw new UsageError('--engines is missing: the module with the engines.')
  refuseForeign(args, command)
  if (command === 'install') return { command, engines, json }
  if (command === 'types') {
    const { out, engine = [], schema = [], only = [], 'type-map': typeMap, partitions, check } = values
    if (!out) throw new UsageError('--out is missing: the folder of the types.')
    return { command, engines, json, out, engine, schema, only, typeMap, partitions, check }
  }
  return {
    command,
    engines,
    json,
    dryRun: values['dry-run'],
    olderThanMs: milliseconds('older-than', values['older-than']),
    keepDecisionsMs: milliseconds('keep-decisions', values['keep-decisions']),
  }
}

function refuseForeign(args: string[], command: keyof typeof OWN): void {
  for (const [other, options] of Object.entries(OWN)) {
    if (other === command) continue
    const foreign = options.find(option =>
      args.some(arg => arg === `--${option}` || arg.startsWith(`--${option}=`)),
    )
    if (foreign !== undefined) throw new UsageError(`--${foreign} goes with ${other} alone.`)
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
