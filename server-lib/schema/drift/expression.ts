import { withoutCasts } from './casts.ts'
import { pieces, type Token } from './tokens.ts'

/**
 * An expression reduced to what it means as far as spelling goes, so that what a model was given and what PostgreSQL
 * prints of it are the same text: no parentheses, casts, schemas, quotes and case of words, `IN` and `BETWEEN` as PostgreSQL
 * rewrites them. Two expressions that differ in nothing but their parentheses are taken for the same.
 */
export function reduced(expression: string): string {
  const tokens = withoutPlaces(withoutCasts(pieces(expression)))
  return plain(rewritten(tokens)).map(written).join(' ')
}

function written({ kind, text }: Token): string {
  return kind === 'value' ? `'${text}'` : text
}

/** `orders.total` is `total`, and `shop.f(x)` is `f(x)`: which of the two is written depends on the search path. */
function withoutPlaces(tokens: readonly Token[]): Token[] {
  const isDot = (token: Token | undefined) => token?.kind === 'sign' && token.text === '.'
  return tokens.filter((token, at) => {
    if (token.kind === 'word') return !isDot(tokens[at + 1])
    return !(isDot(token) && tokens[at - 1]?.kind === 'word')
  })
}

/** `in (…)` as `= any`, or `=` for one value; `not in` as `<> all`; `between` as two comparisons. */
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
      const left = operandBefore(result)
      result.push(sign('>='))
      const and = tokens.findIndex(
        (token, index) => index > at && token.kind === 'word' && token.text === 'and',
      )
      if (and === -1) continue
      result.push(...tokens.slice(at + 1, and), sign('and'), ...left, sign('<='))
      at = and
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

const SILENT = new Set(['(', ')', '[', ']'])

function plain(tokens: readonly Token[]): Token[] {
  return tokens.filter(
    ({ kind, text }) => !(kind === 'sign' && SILENT.has(text)) && !(kind === 'word' && text === 'array'),
  )
}
