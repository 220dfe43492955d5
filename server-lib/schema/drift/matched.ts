import { keptName } from '../kept-name.ts'
import type { Found } from './difference.ts'
import { at, type Sides } from './sides.ts'

/** Pairs each of the models' items with one of the database's; the rest is missing, or extra. */
export function matched<T>(
  there: readonly T[],
  wanted: readonly T[],
  isSame: (a: T, b: T) => boolean,
): { missing: T[]; extra: T[]; both: [there: T, wanted: T][] } {
  const extra = [...there]
  const missing: T[] = []
  const both: [T, T][] = []
  for (const model of wanted) {
    const index = extra.findIndex(one => isSame(one, model))
    if (index === -1) missing.push(model)
    else both.push([extra.splice(index, 1)[0]!, model])
  }
  // A key that a host writes twice is one in the database.
  return { missing: missing.filter(model => !both.some(([one]) => isSame(one, model))), extra, both }
}

/** What is missing, extra, different under the same name, or the same under another name. */
export function changes<T extends { readonly name: string | null }>(
  sides: Sides,
  what: 'check' | 'exclusion' | 'index',
  there: readonly T[],
  wanted: readonly T[],
  { text, isSame }: { text: (of: T) => string; isSame: (there: T, wanted: T) => boolean },
): Found[] {
  const { missing, extra, both } = matched(there, wanted, isSame)
  const changed = missing.flatMap(model => {
    const other = extra.find(({ name }) => name !== null && name === shortened(model.name))
    return other ? [{ model, other }] : []
  })
  const isChanged = (one: T) => changed.some(({ model, other }) => one === model || one === other)
  const told = (kind: Found['kind'], model: T | null, other: T | null): Found => ({
    kind,
    ...at(sides, (other ?? model)!.name),
    models: model && text(model),
    database: other && text(other),
  })
  return [
    ...changed.map(({ model, other }) => told(what, model, other)),
    ...missing.filter(one => !isChanged(one)).map(one => told(`missing ${what}`, one, null)),
    ...extra.filter(one => !isChanged(one)).map(one => told(`extra ${what}`, null, one)),
    ...both.flatMap(([one, model]) => renamed(sides, model.name, one.name)),
  ]
}

export function renamed(sides: Sides, models: string | null, database: string | null): Found[] {
  if (models === null || database === null || shortened(models) === database) return []
  return [{ kind: 'name', ...at(sides, database), models, database }]
}

export function shortened(name: string | null): string | null {
  return name === null ? null : keptName(name)
}
