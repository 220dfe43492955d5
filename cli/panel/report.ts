import type { Finding } from '../../instrumentation/model/finding.ts'
import { clockTime } from '../../instrumentation/model/format.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import { text, type Block, type Tone } from './screen.ts'
import type { Moment } from './watcher.ts'

/** What a command has found out: for programs, and for a reader. */
export interface Report {
  readonly json: object
  readonly blocks: readonly Block[]
  /** Whether the exit code is to be 1. */
  readonly isBad?: boolean
}

/** A time of the process as the epoch's: `2026-12-01T12:04:31.220Z`. */
export const isoOf = ({ hello }: Moment, at: Time): string => new Date(hello.timeOrigin + at).toISOString()

/** Which process was looked at, and when. */
export function processOf(moment: Moment) {
  const { application, pid, thread, node, version, boot } = moment.hello
  return { application, pid, thread, node, version, boot, at: isoOf(moment, moment.now) }
}

export const headOf = ({ hello, now }: Moment): Block =>
  text(`${hello.application}, pid ${hello.pid}, as of ${clockTime(hello.timeOrigin + now)}`, 'dim')

const TONES: Record<Finding['severity'], Tone> = { bad: 'bad', warn: 'warn', note: 'plain' }

/** A finding with its line: the sentence, why it is so, and where. */
export function findingBlocks(moment: Moment, finding: Finding): Block[] {
  const { severity, kind, sentence, why, site, isOver, count } = finding
  const again = count > 1 ? `, ${count} times` : ''
  const over = isOver ? `, over, last seen at ${clockTime(moment.hello.timeOrigin + finding.lastSeen)}` : ''
  return [
    text(`${severity}  ${kind}${again}${over}`, TONES[severity]),
    text(sentence, 'plain', 2),
    ...(why === null ? [] : [text(why, 'plain', 2)]),
    ...(site === null ? [] : [text(`at ${site}`, 'dim', 2)]),
  ]
}

/** A finding for programs: its times are the epoch's. */
export function findingJson(moment: Moment, finding: Finding) {
  const { since, lastSeen, ...rest } = finding
  return { ...rest, since: isoOf(moment, since), lastSeen: isoOf(moment, lastSeen) }
}
