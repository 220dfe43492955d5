import type { Token } from './tokens.ts'

/** Words that may continue a type's name, after `double`, `character`, `bit`, `timestamp` and `time`. */
const TYPE_WORDS = new Set(['precision', 'varying', 'with', 'without', 'time', 'zone'])

/** Types whose name may precede a literal: `interval '1 day'`. */
const TYPED = new Set(
  'interval date time timetz timestamp timestamptz numeric json jsonb uuid inet'.split(' '),
)

/** Removes `::type`, `cast(… as type)` and a type before a literal. */
export function withoutCasts(tokens: readonly Token[]): Token[] {
  const kept: Token[] = []
  let casts = 0
  for (let at = 0; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    const next = tokens[at + 1]
    if (kind === 'word' && text === 'cast' && next?.text === '(') {
      casts++
      continue
    }
    if (kind === 'word' && TYPED.has(text) && next?.kind === 'value') continue
    const isCast = kind === 'sign' ? text === '::' : kind === 'word' && text === 'as' && casts > 0
    if (!isCast) {
      kept.push(tokens[at]!)
      continue
    }
    if (text === 'as') casts--
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
