import { readType, withoutBrackets } from '../from/column-type.ts'
import type { Column } from '../table.ts'

/** Whether two columns have the same type, in any spelling. A timestamp without a precision has one of 6. */
export function sameType(a: Column, b: Column): boolean {
  const [one, other] = [spelling(a.type), spelling(b.type)]
  // PostgreSQL writes the schema of a type only outside of the search path.
  return one === other || (one.includes('.') !== other.includes('.') && lastOf(one) === lastOf(other))
}

function spelling(type: string): string {
  const read = readType(type)
  if (read) return read.type.replace(/^(timestamp|time)\(6\)/, '$1')
  const { element, isArray } = withoutBrackets(type)
  const [, name = '', modifiers = ''] = /^([^(]*)(\(.*\))?$/s.exec(element)!
  // A type of an extension or of the user: compared by its name in the catalogue.
  const bare = name
    .trim()
    .replaceAll('"', '')
    .replace(/^public\./, '')
  return `${bare}${modifiers.toLowerCase().replace(/\s/g, '')}${isArray ? '[]' : ''}`
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

type Family = 'number' | 'boolean' | 'json' | 'other'

/** Whether values of two types arrive in JavaScript alike. The comparison for models without SQL types. */
export function sameFamily(a: Column, b: Column): boolean {
  const [one, other] = [family(a), family(b)]
  // An array in a JSON schema may be a JSON document or an array in the database.
  return one === other || (a.isArray && other === 'json') || (b.isArray && one === 'json')
}

function family({ typeName, isArray }: Column): Family {
  if (isArray) return 'other'
  switch (typeName) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'numeric':
      return 'number'
    case 'bool':
      return 'boolean'
    case 'json':
    case 'jsonb':
      return 'json'
    default:
      return 'other'
  }
}
