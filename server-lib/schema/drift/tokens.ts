import { SqlScanner, type SqlKind } from '../../dialect/scan-sql.ts'
import { CONFORMING } from '../../postgres/grammar.ts'

/** A piece of an expression. Texts and numbers are one kind: PostgreSQL writes `'0'::numeric` for a 0. */
export interface Token {
  readonly kind: 'word' | 'sign' | 'value'
  readonly text: string
}

/** What an expression consists of, without its quotes, comments and blanks. */
export function pieces(expression: string): Token[] {
  const tokens: Token[] = []
  const scanner = new SqlScanner(expression, CONFORMING)
  let end = 0
  /** Where an operator begins, whose signs follow one another. */
  let operator = -1
  const endOperator = () => {
    const text = expression.slice(operator, end)
    if (operator >= 0) tokens.push({ kind: 'sign', text: SIGNS[text] ?? text })
    operator = -1
  }
  while (scanner.next()) {
    const { kind, start } = scanner
    const isOperator = kind === 'sign' && OPERATOR_SIGNS.includes(expression[start]!)
    const goesOn = start === end && (expression[start] === ':') === (expression[operator] === ':')
    if (!isOperator || !goesOn) endOperator()
    if (isOperator && operator < 0) operator = start
    if (!isOperator && kind !== 'comment') tokens.push(READ[kind](scanner.text))
    end = scanner.end
  }
  endOperator()
  return tokens
}

const OPERATOR_SIGNS = '-+*/<>=~!@#%^&|`?:'

const SIGNS: Record<string, string> = {
  '!=': '<>',
  '~~': 'like',
  '~~*': 'ilike',
  '!~~': 'not like',
  '!~~*': 'not ilike',
}

type Read = (text: string) => Token
const sign: Read = text => ({ kind: 'sign', text })
const string: Read = text => ({ kind: 'value', text: unquoted(text) })

const READ: Readonly<Record<Exclude<SqlKind, 'comment'>, Read>> = {
  word: text => ({ kind: 'word', text: text.toLowerCase() }),
  name: text => ({ kind: 'word', text: text.slice(1, -1).replaceAll('""', '"') }),
  number: text => ({ kind: 'value', text }),
  string,
  unsure: string,
  sign,
  parameter: sign,
}

/** What a string says, whatever stands before its quote. */
function unquoted(text: string): string {
  const tag = text.startsWith('$') ? text.indexOf('$', 1) + 1 : 0
  if (tag > 0) return text.slice(tag, -tag)
  const value = text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'")
  return /^e/i.test(text) ? value.replace(/\\(.)/gs, '$1') : value
}
