import type { Site } from '../../../server-lib/channels/index.ts'
import type { Column } from '../../model/column.ts'
import type { Ink } from './ink.ts'
import { count, id, ms } from './plain.ts'

const LIST_LENGTH = 100

/** The function that makes the cells of a column of what a message has, whatever that is. */
export function cellsOf(column: Column, ink: Ink): (value: unknown) => unknown {
  const make = ofType(column, ink)
  return column.orNull ? value => (value === null || value === undefined ? null : make(value)) : make
}

function ofType(column: Column, ink: Ink): (value: unknown) => unknown {
  switch (column.type) {
    case 'id':
      return id
    case 'text':
      return value => ink.text(value)
    case 'site':
      return value => ink.site(value as Site)
    case 'ms':
      return ms
    case 'count':
      return column.orNull ? value => (Number.isFinite(value) ? value : null) : count
    case 'flag':
      return value => value === true
    case 'bit':
      return value => (value === true ? 1 : 0)
    case 'word': {
      const { known, otherwise } = column
      return otherwise === null ? id : value => (known.includes(value as string) ? value : otherwise)
    }
    case 'list': {
      const make = cellsOf(column.of, ink)
      return value => (Array.isArray(value) ? value.slice(0, LIST_LENGTH).map(make) : [])
    }
    case 'record':
    case 'tuple': {
      const cells = Object.entries(column.columns).map(([name, of]) => [name, cellsOf(of, ink)] as const)
      return column.type === 'tuple'
        ? value => cells.map(([name, make]) => make((value as Record<string, unknown>)[name]))
        : value =>
            Object.fromEntries(
              cells.map(([name, make]) => [name, make((value as Record<string, unknown>)[name])]),
            )
    }
    default:
      return column satisfies never
  }
}
