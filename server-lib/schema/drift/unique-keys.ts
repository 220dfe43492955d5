import type { Index, Table, UniqueKey } from '../table.ts'
import { list, sameSet, sorted } from './column-lists.ts'
import type { Found } from './difference.ts'
import { matched, renamed } from './matched.ts'
import { at, type Sides } from './sides.ts'

export function primaryKeyDrift(sides: Sides): Found[] {
  const { table, models } = sides
  const [there, wanted] = [table.primaryKey, models.primaryKey]
  if (!sides.isOn([...(there?.columns ?? []), ...(wanted?.columns ?? [])])) return []
  // In whatever order: a host may not know which it chose.
  if (sorted(there?.columns).join() !== sorted(wanted?.columns).join()) {
    return [
      {
        kind: 'primary key',
        ...at(sides, null),
        models: list(wanted?.columns),
        database: list(there?.columns),
      },
    ]
  }
  return there && wanted ? sameKey(sides, there, wanted) : []
}

/** A unique constraint and a unique index over plain columns hold the same: either does for the other. */
export function uniqueDrift(sides: Sides): Found[] {
  const { table, models, said } = sides
  if (!said('unique')) return []
  const { missing, extra, both } = matched(uniquesOf(table), uniquesOf(models), (a, b) =>
    sameSet(a.columns, b.columns),
  )
  return [
    ...missing
      .filter(key => sides.isOn(key.columns))
      .map((key): Found => ({
        kind: 'missing unique',
        ...at(sides, key.name),
        models: list(key.columns),
        database: null,
      })),
    ...extra
      .filter(key => sides.isOn(key.columns))
      .map((key): Found => ({
        kind: 'extra unique',
        ...at(sides, key.name),
        models: null,
        database: list(key.columns),
      })),
    ...both.flatMap(([there, wanted]) => sameKey(sides, there, wanted)),
  ]
}

function sameKey(sides: Sides, there: UniqueKey, wanted: UniqueKey): Found[] {
  const found = renamed(sides, wanted.name, there.name)
  const tell = (kind: 'deferrability' | 'nulls', models: string, database: string) => {
    if (models !== database) found.push({ kind, ...at(sides, there.name), models, database })
  }
  if (sides.said('deferrability')) {
    tell('deferrability', wanted.deferrable ?? 'not deferrable', there.deferrable ?? 'not deferrable')
  }
  tell('nulls', nulls(wanted), nulls(there))
  return found
}

function nulls({ nullsNotDistinct }: UniqueKey): string {
  return nullsNotDistinct === true ? 'not distinct' : 'distinct'
}

function uniquesOf({ uniques, indexes }: Table): UniqueKey[] {
  return [
    ...uniques,
    ...indexes.filter(isPlainUnique).map(({ name, keys, nullsNotDistinct }) => ({
      name,
      columns: keys.map(key => key.column!),
      ...(nullsNotDistinct !== undefined && { nullsNotDistinct }),
    })),
  ]
}

export function isPlainUnique({ unique, predicate, keys }: Index): boolean {
  return unique && predicate === null && keys.length > 0 && keys.every(key => key.column !== null)
}
