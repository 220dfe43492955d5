import { describe } from '../../server-lib/channels/describe.ts'
import { EnginelightError } from '../../server-lib/index.ts'
import { isControl } from '../findings/similar.ts'
import { decode, isA } from '../model/codec.ts'
import { count as counted } from '../model/format.ts'
import type { Witness } from './witness.ts'

/** A statement that was sent, as the error tells it: without values. */
export interface SentStatement {
  readonly text: string
  /** The application's line that sent it, or null if none is known. */
  readonly site: string | null
}

const LISTED = 50
const LONGEST = 160

const counting = new WeakSet<Witness>()

/** Runs the function, and rejects if another number of statements was sent meanwhile. */
export async function expectStatements<T>(
  witness: Witness,
  work: () => T | PromiseLike<T>,
  expected: number,
): Promise<T> {
  check(work, expected)
  if (counting.has(witness))
    throw new EnginelightError(
      'EL_ILLEGAL_MOVE',
      'Two expectStatements() run at once in this process, and neither could tell its statements from the other’s: await the first one.',
      { move: 'expectStatements()', state: 'counting' },
    )
  counting.add(witness)
  try {
    const before = witness.last
    const result = await work()
    const { statements, lost } = sentSince(witness, before)
    if (statements.length !== expected || lost > 0) throw failure(statements, lost, expected)
    return result
  } finally {
    counting.delete(witness)
  }
}

function check(work: unknown, expected: unknown): void {
  const wrong = (what: string, given: unknown) =>
    new EnginelightError('EL_CONFIG', `expectStatements() takes ${what}, not ${describe(given)}.`)
  if (typeof work !== 'function') throw wrong('a function first', work)
  if (!Number.isSafeInteger(expected) || Number(expected) < 0)
    throw wrong('a whole number of statements second', expected)
}

function sentSince(witness: Witness, before: number): { statements: SentStatement[]; lost: number } {
  const { rows, lost } = witness.since(before)
  const statements = rows
    .filter(row => isA('statementStart', row))
    .map(row => decode('statementStart', row, witness.textOf))
    .filter(({ text }) => !isControl(text))
    .map(({ text, site }) => ({ text, site }))
  return { statements, lost }
}

function failure(statements: readonly SentStatement[], lost: number, expected: number): EnginelightError {
  const were = (n: number) => (n === 1 ? 'was' : 'were')
  const least = lost > 0 ? 'at least ' : ''
  const lines = statements
    .slice(0, LISTED)
    .map(
      ({ text, site }, at) =>
        `${String(at + 1).padStart(3)}. ${inOneLine(text)}${site ? `\n     at ${site}` : ''}`,
    )
  if (statements.length > LISTED) lines.push(`     and ${statements.length - LISTED} more`)
  const sentence = `${least}${counted(statements.length, 'statement')} ${were(statements.length)} sent, and ${expected} ${were(expected)} expected`
  return new EnginelightError(
    'EL_STATEMENTS',
    `${sentence}${lines.length > 0 ? `:\n${lines.join('\n')}` : '.'}`,
    { statements, expected },
  )
}

function inOneLine(text: string): string {
  const line = text
    .slice(0, LONGEST * 2)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
