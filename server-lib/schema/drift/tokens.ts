/** A piece of an expression. Texts and numbers are one kind: PostgreSQL writes `'0'::numeric` for a 0. */
export type Token =
  | { readonly kind: 'word' | 'sign'; readonly text: string }
  | { readonly kind: 'value'; readonly text: string }

const PIECE =
  /\s+|--[^\n]*|[eE]'((?:[^'\\]|''|\\.)*)'|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_$]*)|(::)|([-+*/<>=~!@#%^&|`?]+)|(.)/gsu

/** The pieces of an expression, without quotes, comments and blanks. */
export function pieces(expression: string): Token[] {
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
