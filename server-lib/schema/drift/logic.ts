import type { Token } from './tokens.ts'

/**
 * Drops the parentheses that change nothing, and keeps those that decide: around an `or` in an `and`, and around either
 * after a `not`. So the model's few parentheses and PostgreSQL's many give the same result. An expression with a `case`
 * keeps none, because its `and` and `or` belong to its branches.
 */
export function withLogic(tokens: readonly Token[]): Token[] {
  if (tokens.some(token => isWord(token, 'case'))) return tokens.filter(token => !isBracket(token))
  return written(split(tokens, token => isSign(token, ',')).map(either), COMMA)
}

/** What stands at one level: an `or` or an `and` of parts, a `not`, or pieces without any of them. */
interface Part {
  readonly is: 'or' | 'and' | 'not' | 'other'
  readonly tokens: readonly Token[]
}

const COMMA: Token = { kind: 'sign', text: ',' }
const OR: Token = { kind: 'word', text: 'or' }
const AND: Token = { kind: 'word', text: 'and' }
const OPEN: Token = { kind: 'sign', text: '(' }
const CLOSE: Token = { kind: 'sign', text: ')' }

function either(tokens: readonly Token[]): Part {
  const parts = split(tokens, token => isWord(token, 'or')).map(both)
  return parts.length === 1 ? parts[0]! : { is: 'or', tokens: written(parts, OR) }
}

function both(tokens: readonly Token[]): Part {
  const parts = split(tokens, token => isWord(token, 'and')).map(one)
  if (parts.length === 1) return parts[0]!
  const kept = parts.map(part => (part.is === 'or' ? inBrackets(part) : part))
  return { is: 'and', tokens: written(kept, AND) }
}

function one(tokens: readonly Token[]): Part {
  const [first, ...rest] = tokens
  if (first !== undefined && isWord(first, 'not')) {
    const denied = one(rest)
    const kept = denied.is === 'or' || denied.is === 'and' ? inBrackets(denied) : denied
    return { is: 'not', tokens: [first, ...kept.tokens] }
  }
  const end = closing(tokens, 0)
  if (end === tokens.length - 1 && end > 0) {
    const inside = split(tokens.slice(1, -1), token => isSign(token, ',')).map(either)
    return inside.length === 1 ? inside[0]! : { is: 'other', tokens: written(inside, COMMA) }
  }
  const kept: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const close = closing(tokens, at)
    if (close === -1) {
      if (!isBracket(tokens[at]!)) kept.push(tokens[at]!)
      continue
    }
    kept.push(...withLogic(tokens.slice(at + 1, close)))
    at = close
  }
  return { is: 'other', tokens: kept }
}

function inBrackets({ tokens }: Part): Part {
  return { is: 'other', tokens: [OPEN, ...tokens, CLOSE] }
}

function written(parts: readonly Part[], between: Token): Token[] {
  return parts.flatMap(({ tokens }, at) => (at === 0 ? tokens : [between, ...tokens]))
}

/** Splits at each of these that is outside of brackets. */
function split(tokens: readonly Token[], isHere: (token: Token) => boolean): Token[][] {
  const parts: Token[][] = [[]]
  for (let at = 0; at < tokens.length; at++) {
    const close = closing(tokens, at)
    if (close !== -1) {
      parts.at(-1)!.push(...tokens.slice(at, close + 1))
      at = close
    } else if (isHere(tokens[at]!)) parts.push([])
    else parts.at(-1)!.push(tokens[at]!)
  }
  return parts
}

/** Where the bracket that opens here closes; -1 if none opens here. */
function closing(tokens: readonly Token[], open: number): number {
  const first = tokens[open]
  if (first === undefined || !(isSign(first, '(') || isSign(first, '['))) return -1
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at]!
    if (isSign(token, '(') || isSign(token, '[')) depth++
    else if ((isSign(token, ')') || isSign(token, ']')) && --depth === 0) return at
  }
  return -1
}

function isBracket(token: Token): boolean {
  return token.kind === 'sign' && '()[]'.includes(token.text)
}

function isSign({ kind, text }: Token, sign: string): boolean {
  return kind === 'sign' && text === sign
}

function isWord({ kind, text }: Token, word: string): boolean {
  return kind === 'word' && text === word
}
