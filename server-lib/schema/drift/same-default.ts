import { isDeepStrictEqual } from 'node:util'
import type { Column } from '../table.ts'
import { reduced } from './expression.ts'

/**
 * Whether two defaults mean the same for a column of that type, in any spelling: `'{}'` and `'{}'::jsonb`, `now()` and
 * `CURRENT_TIMESTAMP`, `'0'` and `0`, an instant in two time zones.
 */
export function sameDefault(a: string | null, b: string | null, { typeName, isArray }: Column): boolean {
  const [left, right] = [meaning(a), meaning(b)]
  if (left === right) return true
  if (left === null || right === null) return false
  const [one, other] = [literal(left), literal(right)]
  if (isArray) return elements(left, one) === elements(right, other)
  return one !== null && other !== null && sameValue(one, other, typeName)
}

/** A default of null is none: a column without a default has null too. */
function meaning(expression: string | null): string | null {
  if (expression === null) return null
  const text = reduced(expression)
  return text === 'null' ? null : text
}

function literal(text: string): string | null {
  const signed = /^(- )?'([^]*)'$/.exec(text)
  if (signed && !/[^\\]' /.test(signed[2]!)) return (signed[1] ? '-' : '') + signed[2]
  return text === 'true' || text === 'false' ? text : null
}

function sameValue(a: string, b: string, typeName: string): boolean {
  if (a === b) return true
  switch (typeName) {
    case 'bool':
      return /^(t|true|1|yes|on)$/i.test(a) === /^(t|true|1|yes|on)$/i.test(b)
    case 'int2':
    case 'int4':
    case 'int8':
    case 'numeric':
      return number(a) === number(b)
    case 'float4':
    case 'float8':
      return Number(a) === Number(b)
    case 'json':
    case 'jsonb':
      return sameJson(a, b)
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return instant(a) === instant(b)
    case 'uuid':
      return a.toLowerCase() === b.toLowerCase()
    case 'time':
    case 'timetz':
      return wholeTime(a) === wholeTime(b)
    default:
      return false
  }
}

/** Without insignificant zeros; as text, since a numeric has more digits than a number. */
function number(text: string): string {
  const [whole = '', fraction = ''] = text.trim().replace(/^\+/, '').split('.')
  let end = fraction.length
  while (fraction[end - 1] === '0') end--
  const digits = fraction.slice(0, end)
  const before = whole.replace(/^(-?)0+(?=\d)/, '$1')
  return digits === '' ? before : `${before}.${digits}`
}

function sameJson(a: string, b: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(a), JSON.parse(b))
  } catch {
    return false
  }
}

/** In milliseconds; a time without a zone counts as UTC. A text that is not a time stays as it is. */
function instant(text: string): number | string {
  const iso = text
    .trim()
    .replace(' ', 'T')
    .replace(/([+-]\d\d)$/, '$1:00')
  const isZoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(iso)
  const zoned = !iso.includes('T') || isZoned ? iso : `${iso}Z`
  const at = Date.parse(zoned)
  return Number.isNaN(at) ? text : at
}

/** Adds the seconds to `10:30`. */
function wholeTime(text: string): string {
  return text.trim().replace(/^(\d\d?:\d\d)(?!:|\d)/, '$1:00')
}

/** Treats `'{a,b}'` and `ARRAY['a', 'b']` alike. */
function elements(text: string, whole: string | null): string {
  if (whole?.startsWith('{')) {
    return whole
      .slice(1, -1)
      .split(',')
      .map(element => element.trim().replace(/^"(.*)"$/, '$1'))
      .join(',')
  }
  return text
    .replace(/'([^']*)'/g, '$1')
    .split(',')
    .map(element => element.trim())
    .join(',')
}
