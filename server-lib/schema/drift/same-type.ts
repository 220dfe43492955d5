import { readType, withoutBrackets } from '../from/column-type.ts'
import type { Column } from '../table.ts'

/** Whether two columns have the same type, however it is spelt: a precision of 6 is what a timestamp has without one. */
export function sameType(a: Column, b: Column): boolean {
  const [one, other] = [spelling(a.type), spelling(b.type)]
  // Outside of the search path PostgreSQL writes the schema, inside it does not.
  return one === other || (one.includes('.') !== other.includes('.') && lastOf(one) === lastOf(other))
}

function spelling(type: string): string {
  const read = readType(type)
  if (read) return read.type.replace(/^(timestamp|time)\(6\)/, '$1')
  const { element, isArray } = withoutBrackets(type)
  const [, name = '', modifiers = ''] = /^([^(]*)(\(.*\))?$/s.exec(element)!
  // Of an extension, or of the user: names are compared as they are in the catalogue.
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

/** Whether values of two types come alike to JavaScript: what models that know no SQL type can be held to. */
export function sameFamily(a: Column, b: Column): boolean {
  const [one, other] = [family(a), family(b)]
  // An array of a JSON schema may be a JSON document or an array of the database.
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
