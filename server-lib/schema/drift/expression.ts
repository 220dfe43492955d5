import { withoutCasts } from './casts.ts'
import { withLogic } from './logic.ts'
import { pieces, type Token } from './tokens.ts'

/**
 * Reduces an expression so that a model's text and PostgreSQL's print of it become the same: without most parentheses,
 * casts, schemas, quotes and letter case, and with `IN` and `BETWEEN` rewritten as PostgreSQL does. How `and`, `or` and
 * `not` group is kept. Otherwise two expressions that differ only in parentheses, `a - (b - c)` and `a - b - c`, count
 * as equal. An expression over 8,192 characters, or with brackets 50 deep or unclosed, is compared as it is written:
 * reducing it would take more than linear time.
 */
export function reduced(expression: string): string {
  if (expression.length > LONGEST) return expression.trim().replace(/\s+/g, ' ')
  const all = pieces(expression)
  if (!isShallow(all)) return all.map(written).join(' ')
  const tokens = withoutPlaces(withoutCasts(all))
  const words = rewritten(tokens).filter(token => !(token.kind === 'word' && token.text === 'array'))
  return withLogic(words).map(written).join(' ')
}

const LONGEST = 8_192
const DEEPEST = 50

function isShallow(tokens: readonly Token[]): boolean {
  let depth = 0
  for (const { kind, text } of tokens) {
    if (kind !== 'sign') continue
    if (text === '(' || text === '[') depth++
    else if (text === ')' || text === ']') depth--
    if (depth > DEEPEST || depth < 0) return false
  }
  return depth === 0
}

function written({ kind, text }: Token): string {
  return kind === 'value' ? `'${text}'` : text
}

/** Turns `orders.total` into `total` and `shop.f(x)` into `f(x)`: which one is written depends on the search path. */
function withoutPlaces(tokens: readonly Token[]): Token[] {
  const isDot = (token: Token | undefined) => token?.kind === 'sign' && token.text === '.'
  return tokens.filter((token, at) => {
    if (token.kind === 'word') return !isDot(tokens[at + 1])
    return !(isDot(token) && tokens[at - 1]?.kind === 'word')
  })
}

/** Turns `in (…)` into `= any`, or `=` for one value; `not in` into `<> all`; `between` into two comparisons. */
function rewritten(tokens: readonly Token[]): Token[] {
  const sign = (text: string): Token => ({ kind: 'sign', text })
  const result: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    if (kind === 'word' && text === 'in' && tokens[at + 1]?.text === '(') {
      const isNot = result.at(-1)?.text === 'not'
      if (isNot) result.pop()
      result.push(sign(isNot ? '<>' : '='))
      if (countInside(tokens, at + 1) > 1) result.push(sign(isNot ? 'all' : 'any'))
    } else if (kind === 'word' && text === 'between') {
      const isNot = isWord(result.at(-1), 'not')
      if (isNot) result.pop()
      const left = operandBefore(result)
      const and = tokens.findIndex((token, index) => index > at && isWord(token, 'and'))
      if (and === -1) continue
      const end = operandEnd(tokens, and + 1)
      const [low, high] = isNot ? ['<', '>'] : ['>=', '<=']
      const lower = [...left, sign(low!), ...rewritten(tokens.slice(at + 1, and))]
      const upper = [...left, sign(high!), ...rewritten(tokens.slice(and + 1, end))]
      const connective: Token = { kind: 'word', text: isNot ? 'or' : 'and' }
      result.splice(result.length - left.length, left.length)
      result.push(sign('('), ...lower, connective, ...upper, sign(')'))
      at = end - 1
    } else if (kind === 'word' && ['current_timestamp', 'transaction_timestamp'].includes(text)) {
      result.push({ kind: 'word', text: 'now' })
    } else if (kind === 'value' && /^-\d/.test(text)) {
      result.push(sign('-'), { kind: 'value', text: text.slice(1) })
    } else {
      result.push(tokens[at]!)
    }
  }
  return result
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text === word
}

/** Where the operand that begins here ends: at the next `and`, `or` or comma, or at the end of its bracket. */
function operandEnd(tokens: readonly Token[], from: number): number {
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    if (kind === 'sign' && (text === '(' || text === '[')) depth++
    else if (kind === 'sign' && (text === ')' || text === ']') && --depth < 0) return at
    else if (depth === 0 && (isWord(tokens[at], 'and') || isWord(tokens[at], 'or') || text === ',')) return at
  }
  return tokens.length
}

function countInside(tokens: readonly Token[], open: number): number {
  let depth = 0
  let count = 1
  for (const { kind, text } of tokens.slice(open)) {
    if (kind !== 'sign') continue
    if (text === '(') depth++
    else if (text === ')' && --depth === 0) break
    else if (text === ',' && depth === 1) count++
  }
  return count
}

function operandBefore(tokens: readonly Token[]): Token[] {
  let from = tokens.length - 1
  if (tokens[from]?.text === ')') {
    for (let depth = 0; from >= 0; from--) {
      const { text } = tokens[from]!
      if (text === ')') depth++
      if (text === '(' && --depth === 0) break
    }
    if (tokens[from - 1]?.kind === 'word') from--
  }
  return tokens.slice(Math.max(from, 0))
}
