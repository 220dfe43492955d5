import type { Index, Table, UniqueKey } from '../table.ts'
import { list, sameSet, sorted } from './column-lists.ts'
import type { DifferenceKind, Found } from './difference.ts'
import { agree } from './agree.ts'
import { indexText, isUsable, sameIncluded, sameKey } from './index-text.ts'
import { matched, renamed } from './matched.ts'
import { at, type Sides } from './sides.ts'

export function primaryKeyDrift(sides: Sides): Found[] {
  const { table, models } = sides
  const [there, wanted] = [table.primaryKey, models.primaryKey]
  if (!sides.isOn([...(there?.columns ?? []), ...(wanted?.columns ?? [])])) return []
  // In any order: a host may not know which it chose.
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
  return there && wanted ? sameUnique(sides, there, wanted) : []
}

/** A unique constraint and a unique index over plain columns are equivalent: either can replace the other. */
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
    ...both.flatMap(([there, wanted]) => sameUnique(sides, there, wanted)),
  ]
}

/** A unique constraint, or a unique index that replaces it. */
interface Unique extends UniqueKey {
  readonly index?: Index
}

function sameUnique(sides: Sides, there: Unique, wanted: Unique): Found[] {
  const found = renamed(sides, wanted.name, there.name)
  const tell = (kind: DifferenceKind, models: string | null, database: string | null) => {
    if (models !== database) found.push({ kind, ...at(sides, there.name), models, database })
  }
  if (sides.said('deferrability')) {
    tell('deferrability', wanted.deferrable ?? 'not deferrable', there.deferrable ?? 'not deferrable')
  }
  tell('nulls', nulls(wanted), nulls(there))
  if (!agree(there.withoutOverlaps, wanted.withoutOverlaps)) {
    tell('overlaps', overlaps(wanted), overlaps(there))
  }
  if (!sameIncluded(there, wanted)) {
    tell('included columns', list(wanted.included), list(there.included))
  }
  if (!keptAlike(sides, there, wanted)) {
    tell('index', wanted.index ? indexText(wanted.index) : list(wanted.columns), indexText(there.index!))
  }
  return found
}

/** A constraint does not say in which order its index keeps the keys, but requires a usable index. */
function keptAlike({ table }: Sides, { index: there }: Unique, { index: wanted }: Unique): boolean {
  if (!there) return true
  if (!wanted) return isUsable(there)
  const other = (column: string | null) => wanted.keys.find(key => key.column === column)!
  return (
    isUsable(there) === isUsable(wanted) && there.keys.every(key => sameKey(table, key, other(key.column)))
  )
}

function overlaps({ withoutOverlaps }: UniqueKey): string {
  return withoutOverlaps === true ? 'forbidden' : 'allowed'
}

function nulls({ nullsNotDistinct }: UniqueKey): string {
  return nullsNotDistinct === true ? 'not distinct' : 'distinct'
}

function uniquesOf({ uniques, indexes }: Table): Unique[] {
  return [
    ...uniques,
    ...indexes.filter(isPlainUnique).map((index): Unique => {
      const { name, keys, nullsNotDistinct, included } = index
      return {
        index,
        name,
        columns: keys.map(key => key.column!),
        ...(nullsNotDistinct !== undefined && { nullsNotDistinct }),
        ...(included && { included }),
      }
    }),
  ]
}

export function isPlainUnique({ unique, predicate, keys }: Index): boolean {
  return unique && predicate === null && keys.length > 0 && keys.every(key => key.column !== null)
}
