/** A piece of an expression. Texts and numbers are one kind: PostgreSQL writes `'0'::numeric` for a 0. */
type Token =
  | { readonly kind: 'word' | 'sign'; readonly text: string }
  | { readonly kind: 'value'; readonly text: string }

const PIECE =
  /\s+|--[^\n]*|[eE]'((?:[^'\\]|''|\\.)*)'|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_$]*)|(::)|([-+*/<>=~!@#%^&|`?]+)|(.)/gsu

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

function pieces(expression: string): Token[] {
  const tokens: Token[] = []
  for (const [, escaped, text, name, number, word, cast, sign, other] of expression.matchAll(PIECE)) {
    if (escaped !== undefined) tokens.push({ kind: 'value', text: unescaped(escaped) })
    else if (text !== undefined) tokens.push({ kind: 'value', text: text.replaceAll("''", "'") })
    else if (name !== undefined) tokens.push({ kind: 'word', text: name.replaceAll('""', '"') })
    else if (number !== undefined) tokens.push({ kind: 'value', text: number })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word.toLowerCase() })
    else if (cast !== undefined || other !== undefined) tokens.push({ kind: 'sign', text: (cast ?? other)! })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: SIGNS[sign] ?? sign })
  }
  return tokens
}

const SIGNS: Record<string, string> = {
  '!=': '<>',
  '~~': 'like',
  '~~*': 'ilike',
  '!~~': 'not like',
  '!~~*': 'not ilike',
}

function unescaped(text: string): string {
  return text.replaceAll("''", "'").replace(/\\(.)/gs, '$1')
}

/** Further words of a type's name, after `double`, `character`, `bit`, `timestamp` and `time`. */
const TYPE_WORDS = new Set(['precision', 'varying', 'with', 'without', 'time', 'zone'])

function withoutCasts(tokens: readonly Token[]): Token[] {
  const kept: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]!.text !== '::' || tokens[at]!.kind !== 'sign') {
      kept.push(tokens[at]!)
      continue
    }
    at++
    while (tokens[at + 1]?.text === '.') at += 2
    at = afterBrackets(tokens, at, '(', ')')
    while (tokens[at + 1]?.kind === 'word' && TYPE_WORDS.has(tokens[at + 1]!.text)) at++
    at = afterBrackets(tokens, at, '(', ')')
    while (tokens[at + 1]?.text === '[') at = afterBrackets(tokens, at, '[', ']')
  }
  return kept
}

function afterBrackets(tokens: readonly Token[], at: number, open: string, close: string): number {
  if (tokens[at + 1]?.kind !== 'sign' || tokens[at + 1]!.text !== open) return at
  const end = tokens.findIndex((token, index) => index > at && token.kind === 'sign' && token.text === close)
  return end === -1 ? at : end
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
