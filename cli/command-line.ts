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

const OPTIONS = {
  engines: { type: 'string' },
  json: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  'older-than': { type: 'string', default: '60s' },
  'keep-decisions': { type: 'string', default: '7d' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Throws a UsageError for whatever is not in the usage. */
export function readCommandLine(args: string[]): CommandLine {
  const { values, positionals } = parse(args)
  const [command, ...more] = positionals
  if (values.help || command === 'help') return { command: 'help' }
  if (command === undefined) throw new UsageError('There is no command.')
  if (command !== 'recover' && command !== 'install') throw new UsageError(`There is no command ${command}.`)
  if (more.length > 0) throw new UsageError(`${more.join(' ')} is too much.`)
  const { engines, json } = values
  if (!engines) throw new UsageError('--engines is missing: the module with the engines.')
  if (command === 'install') {
    const foreign = args.find(arg => /^--(dry-run|older-than|keep-decisions)\b/.test(arg))
    if (foreign) throw new UsageError(`${foreign} goes with recover alone.`)
    return { command, engines, json }
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
