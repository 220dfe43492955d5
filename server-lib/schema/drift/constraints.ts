import type { Constraint, Table } from '../table.ts'
import type { Found } from './difference.ts'
import { reduced } from './expression.ts'
import { foreignKeyDrift } from './foreign-keys.ts'
import { indexDrift, isStatement, statementDrift } from './indexes.ts'
import { changes, shortened } from './matched.ts'
import type { Said, Sides } from './sides.ts'
import { primaryKeyDrift, uniqueDrift } from './unique-keys.ts'

/** What differs between the keys, constraints and indexes of a table. */
export function constraintDrift(table: Table, models: Table, said: Said, isThere: Sides['isThere']): Found[] {
  const names = (of: Table) => new Set(of.columns.map(column => column.name))
  const [there, wanted] = [names(table), names(models)]
  const isOn = (columns: readonly string[]) => columns.every(name => there.has(name) && wanted.has(name))
  const halves = [...there, ...wanted].filter(name => !isOn([name]))
  const isWhole = (expression: string) => {
    if (halves.length === 0) return true
    const words = new Set(reduced(expression).split(' '))
    return !halves.some(name => words.has(name))
  }
  const statements = models.indexes.filter(isStatement)
  const without = (of: Table): Table => ({
    ...of,
    indexes: of.indexes.filter(
      index => !statements.some(({ name }) => shortened(name) === shortened(index.name)),
    ),
  })
  const sides: Sides = { table: without(table), models: without(models), said, isOn, isWhole, isThere }
  return [
    ...statements.flatMap(index => statementDrift(sides, index, table)),
    ...primaryKeyDrift(sides),
    ...uniqueDrift(sides),
    ...foreignKeyDrift(sides),
    ...constraintsDrift(sides, 'check', table.checks, models.checks),
    ...constraintsDrift(sides, 'exclusion', table.exclusions, models.exclusions),
    ...indexDrift(sides),
  ]
}

function constraintsDrift(
  sides: Sides,
  what: 'check' | 'exclusion',
  there: readonly Constraint[],
  wanted: readonly Constraint[],
): Found[] {
  if (!sides.said(what)) return []
  const isWhole = ({ definition }: Constraint) => sides.isWhole(definition)
  const text = ({ definition }: Constraint) => definition
  const isSame = (one: Constraint, other: Constraint) => reduced(text(one)) === reduced(text(other))
  return changes(sides, what, there.filter(isWhole), wanted.filter(isWhole), { text, isSame })
}
