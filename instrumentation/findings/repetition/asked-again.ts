import { sumKey } from '../../model/statement-sums.ts'
import type { Request, Statement } from '../../model/state.ts'
import { asksAnew, isWork, isWrite, withoutRetries } from './counts.ts'
import { repeatedIn } from './sequences.ts'

/** A question that was asked again although nothing had changed, from whatever lines. */
export interface AskedAgain {
  readonly text: string
  /** The ones that were needed, with the ones that were not behind them. */
  readonly statements: readonly Statement[]
  /** How many of them asked for what another one had been told. */
  readonly inVain: number
}

/** Two answers that are further apart than this may well differ: something waits for a change. */
const FRESH_MS = 1_000

/**
 * Questions of the same text and values between which the request has written nothing. Those that one line repeats often
 * are not among them.
 */
export function askedAgain(request: Request, from: number): AskedAgain[] {
  const { sequences, alone } = repeatedIn(request, from)
  const told = new Set([...alone, ...sequences.flatMap(({ parts }) => parts)].map(({ key }) => key))
  const byText = new Map<string, { statements: Statement[]; inVain: number }>()
  /** The answers of the questions asked since the last write. */
  const answered = new Map<string, Statement>()
  for (const statement of withoutRetries(request.statements, request.transactions, from)) {
    const { text, engine, valuesHash } = statement
    if (!isWork(text)) continue
    // Whatever is no question may have changed the answers.
    if (!isQuestion(text)) {
      answered.clear()
      continue
    }
    if (valuesHash === null || asksAnew(text) || told.has(sumKey(statement))) continue
    const question = `${engine}\n${valuesHash}\n${text}`
    const before = answered.get(question)
    answered.set(question, statement)
    if (!before || statement.startedAt - (before.endedAt ?? before.startedAt) > FRESH_MS) continue
    const again = byText.get(text) ?? { statements: [], inVain: 0 }
    byText.set(text, again)
    if (!again.statements.includes(before)) again.statements.push(before)
    again.statements.push(statement)
    again.inVain++
  }
  return [...byText].map(([text, again]) => ({ text, ...again }))
}

const isQuestion = (text: string): boolean =>
  /^[\s(]*(?:select|with|table|values)\b/i.test(text) && !isWrite(text)
