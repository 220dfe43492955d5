import { count, duration } from '../../model/format.ts'
import type { Request } from '../../model/state.ts'
import { isFewOf, meaningOf, type Meaning, type Repetition } from './repetitions.ts'
import { repeatedIn, type Sequence } from './sequences.ts'
import { sourceOf } from './source.ts'

/** A sentence of its own, or the object of one. */
type Took = 'took' | 'which took'

/** `200 similar statements from one line, with different values, one after the other, took 310 ms: fetch them at once.` */
export function sayRepetition(repetition: Repetition, from: number, took: Took): string {
  const { total, request, shape, spentMs, distinct } = repetition
  const meaning = meaningOf(repetition, from)
  const many = `${atLeast(request)}${count(total, 'similar statement')} from one line`
  const values = VALUES[meaning](distinct ?? 0, total)
  return `${many}${values}, ${sayShape(shape)}, ${took} ${duration(spentMs)}${soFar(request)}: ${ADVICE[meaning](repetition)}.`
}

/** `180 similar statements, 3 in turn 60 times, took 1.2 s: …` */
export function saySequence({ parts }: Sequence, took: Took): string {
  const [first] = parts as [Repetition, ...Repetition[]]
  const times = Math.max(...parts.map(({ total }) => total))
  const all = parts.reduce((sum, { total }) => sum + total, 0)
  const { request } = first
  return `${atLeast(request)}${count(all, 'similar statement')}, ${parts.length} in turn ${count(times, 'time')}, ${took} ${duration(spentBy({ parts }))}${soFar(request)}: a loop sends them, so fetch at once what it needs.`
}

/** The statements of a sequence with their lines, and what is probably looped over. */
export function whySequence({ parts }: Sequence): string {
  const lines = parts.map(
    ({ text, site, total }) => `${shortText(text)} (×${total}${site ? `, ${site}` : ''})`,
  )
  const [first] = parts as [Repetition, ...Repetition[]]
  const source = saySource(first)
  return `In turn: ${lines.join('; ')}.${source === null ? '' : ` ${source}`}`
}

/** A guess, which says so. */
export function saySource(repetition: Repetition): string | null {
  const source = sourceOf(repetition)
  if (!source) return null
  const { statement, rows } = source
  const where = statement.site ? ` at ${statement.site}` : ''
  return `Probably for the ${count(rows, 'row')} of ${shortText(statement.text)}${where}.`
}

/** More different values are not counted. */
const COUNTED = 64

/** What was repeated for longest, if that took longer than `ms`. */
export function sayMost(request: Request, from: number, ms: number): string | undefined {
  const { sequences, alone } = repeatedIn(request, from)
  const told = [
    ...alone.map(one => ({ spentMs: one.spentMs, say: () => sayRepetition(one, from, 'took') })),
    ...sequences.map(one => ({ spentMs: spentBy(one), say: () => saySequence(one, 'took') })),
  ]
  const most = told.sort((a, b) => b.spentMs - a.spentMs)[0]
  if (!most || most.spentMs <= ms) return undefined
  const said = most.say()
  return said[0]!.toUpperCase() + said.slice(1)
}

const spentBy = ({ parts }: Sequence): number => parts.reduce((sum, part) => sum + part.spentMs, 0)

const VALUES: Readonly<Record<Meaning, (distinct: number, total: number) => string>> = {
  'different values': (distinct, total) =>
    isFewOf(total, distinct) && distinct < COUNTED
      ? `, with ${distinct} different sets of values`
      : ', with different values',
  'same values': distinct =>
    distinct === 1 ? ', with the same values each time' : `, with only ${distinct} different sets of values`,
  'unknown values': () => '',
}

const ADVICE: Readonly<Record<Meaning, (of: Repetition) => string>> = {
  'different values': ({ isWrite }) => (isWrite ? 'write them at once' : 'fetch them at once'),
  'same values': ({ isWrite }) => (isWrite ? 'write it once' : 'ask once, and keep the answer'),
  'unknown values': ({ isWrite }) => (isWrite ? 'write them at once' : 'fetch them at once'),
}

function sayShape(shape: Repetition['shape']): string {
  switch (shape.type) {
    case 'serial':
      return 'one after the other'
    case 'burst':
      return shape.atOnce > 1 && shape.connections > 1
        ? `${shape.atOnce} at once on ${count(shape.connections, 'connection')}`
        : `sent at once and queued on ${count(shape.connections, 'connection')}`
    default:
      return shape satisfies never
  }
}

const atLeast = (request: Request): string => (request.endedAt === null ? 'at least ' : '')
const soFar = (request: Request): string => (request.endedAt === null ? ' so far' : '')

const LONGEST_SHORT = 80

/** A text on one line, as long as a sentence bears. */
export function shortText(text: string): string {
  const line = text.slice(0, 400).replace(/\s+/g, ' ').trim()
  return `“${line.length > LONGEST_SHORT ? `${line.slice(0, LONGEST_SHORT)}…` : line}”`
}
