import { EnginelightError } from '../../channels/errors.ts'
import type { ForeignKey, ModelSchema } from '../table.ts'
import type { DraftColumn, DraftTable } from './drafts.ts'
import type { TablesFromOptions } from './host-column.ts'
import { modelSchema } from './model-schema.ts'

/** What we use of an Objection model class. */
export interface ObjectionModel {
  readonly tableName: string
}

interface Model {
  getTableName(): string
  getIdColumnArray(): string[]
  getJsonSchema(): JsonSchema | null | undefined
  getRelations(): Record<string, Relation>
  propertyNameToColumnName(property: string): string
}

interface JsonSchema {
  readonly required?: readonly string[]
  readonly properties?: Record<string, Property | boolean>
}

interface Property {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly maxLength?: number
  readonly enum?: readonly unknown[]
  readonly items?: Property
  readonly description?: string
  readonly anyOf?: readonly Property[]
  readonly oneOf?: readonly Property[]
}

interface Side {
  readonly cols: readonly string[]
}

interface Relation {
  readonly relatedModelClass: Model
  readonly ownerModelClass: Model
  readonly ownerProp: Side
  readonly relatedProp: Side
  readonly joinTable: string | null
  readonly joinTableOwnerProp: Side | null
  readonly joinTableRelatedProp: Side | null
  readonly joinTableExtras: readonly { readonly joinTableCol: string }[]
}

/**
 * The tables of Objection's model classes: columns from `jsonSchema` and `idColumn`, foreign keys and join tables from
 * `relationMappings`. A JSON schema knows less than a database. `string` counts as `text`, or with a `maxLength` as
 * `character varying(n)`; defaults, indexes and foreign key actions are left to migrations, and `drift` does not
 * compare them. Nothing is sent to the database.
 */
export function objection(
  modelClasses: readonly ObjectionModel[] | Readonly<Record<string, ObjectionModel>>,
  options: TablesFromOptions = {},
): ModelSchema {
  const given = (
    Array.isArray(modelClasses) ? modelClasses : Object.values(modelClasses ?? {})
  ) as readonly Model[]
  const models = given.filter(model => typeof model?.getTableName === 'function')
  if (models.length === 0 || models.length < given.length) {
    throw new EnginelightError(
      'EL_CONFIG',
      'tablesFrom.objection needs model classes: `tablesFrom.objection([Person, Animal])`.',
      { option: 'modelClasses' },
    )
  }
  const fallback = options.defaultSchema ?? 'public'
  const drafts = new Map<string, DraftTable>()
  const keep = (draft: DraftTable) => void drafts.set(`${draft.schema}.${draft.name}`, draft)
  const known = ({ schema, table }: Place) => drafts.get(`${schema}.${table}`)
  for (const model of models) keep(tableOf(model, fallback))
  const relations = models.flatMap(model => Object.values(model.getRelations()))
  for (const relation of relations) {
    for (const { of, from, to, isJoin } of linksOf(relation, fallback)) {
      const draft = known(of) ?? (isJoin ? { schema: of.schema, name: of.table, columns: [] } : null)
      // Relations of models that were not passed are left out.
      if (draft) keep(linked(draft, from, to, known(to.place)))
    }
  }
  for (const { joinTable, joinTableExtras } of relations) {
    if (joinTable === null) continue
    for (const { joinTableCol: name } of joinTableExtras) {
      const draft = known(placeOf(joinTable, fallback))
      if (draft) keep(withColumn(draft, { name, type: 'unknown', nullable: true, definition: joinTable }))
    }
  }
  return modelSchema('objection', { tables: [...drafts.values()] }, options)
}

interface Place {
  readonly schema: string
  readonly table: string
}

function tableOf(model: Model, fallback: string): DraftTable {
  const { schema, table } = placeOf(model.getTableName(), fallback)
  const json = model.getJsonSchema()
  const primary = model.getIdColumnArray()
  const columns = Object.entries(json?.properties ?? {}).map(([property, given]): DraftColumn => {
    const definition = typeof given === 'boolean' ? {} : given
    const { type, mayBeNull } = sqlType(definition)
    return {
      name: model.propertyNameToColumnName(property),
      type,
      nullable: mayBeNull || json?.required?.includes(property) !== true,
      definition,
    }
  })
  const described: DraftTable = {
    schema,
    name: table,
    columns,
    primaryKey: primary.length > 0 ? { name: null, columns: primary } : null,
  }
  // An id that the JSON schema leaves out is a number that the database generates.
  return primary.reduce(
    (draft, name) => withColumn(draft, { name, type: 'integer', nullable: false, definition: model }),
    described,
  )
}

interface Link {
  readonly of: Place
  readonly from: readonly string[]
  readonly to: { readonly place: Place; readonly columns: readonly string[] }
  readonly isJoin: boolean
}

/** The foreign keys of a relation: which side holds them depends on the kind of relation. */
function linksOf(relation: Relation, fallback: string): Link[] {
  const owner = {
    place: placeOf(relation.ownerModelClass.getTableName(), fallback),
    columns: relation.ownerProp.cols,
  }
  const related = {
    place: placeOf(relation.relatedModelClass.getTableName(), fallback),
    columns: relation.relatedProp.cols,
  }
  const { joinTable, joinTableOwnerProp, joinTableRelatedProp } = relation
  if (joinTable !== null && joinTableOwnerProp && joinTableRelatedProp) {
    const of = placeOf(joinTable, fallback)
    return [
      { of, from: joinTableOwnerProp.cols, to: owner, isJoin: true },
      { of, from: joinTableRelatedProp.cols, to: related, isJoin: true },
    ]
  }
  // HasMany and HasOne are the same key seen from the other end; HasOne's class does not extend BelongsToOne's.
  const belongs = baseNames(relation).includes('BelongsToOneRelation')
  return belongs
    ? [{ of: owner.place, from: owner.columns, to: related, isJoin: false }]
    : [{ of: related.place, from: related.columns, to: owner, isJoin: false }]
}

function baseNames(of: object): string[] {
  const prototype = Object.getPrototypeOf(of) as object | null
  return prototype === null ? [] : [prototype.constructor.name, ...baseNames(prototype)]
}

/**
 * Adds a foreign key to a table, and its columns if no JSON schema names them, with the type of the columns referred
 * to.
 */
function linked(
  draft: DraftTable,
  columns: readonly string[],
  to: Link['to'],
  target: DraftTable | undefined,
): DraftTable {
  const complete = columns.reduce((table, name, at) => {
    const pointed = target?.columns.find(column => column.name === to.columns[at])
    const type = pointed?.type ?? 'unknown'
    return withColumn(table, { name, type, nullable: true, definition: target })
  }, draft)
  const key: ForeignKey = {
    name: null,
    columns,
    references: { ...to.place, columns: to.columns },
    onUpdate: 'no action',
    onDelete: 'no action',
    deferrable: 'not deferrable',
  }
  const isSame = (other: ForeignKey) =>
    other.columns.join() === columns.join() &&
    JSON.stringify(other.references) === JSON.stringify(key.references)
  const foreignKeys = complete.foreignKeys ?? []
  return foreignKeys.some(isSame) ? complete : { ...complete, foreignKeys: [...foreignKeys, key] }
}

function withColumn(draft: DraftTable, column: DraftColumn): DraftTable {
  return draft.columns.some(({ name }) => name === column.name)
    ? draft
    : { ...draft, columns: [...draft.columns, column] }
}

const FORMATS: Record<string, string> = {
  date: 'date',
  time: 'time',
  uuid: 'uuid',
  'date-time': 'timestamp with time zone',
}

function sqlType(property: Property): { type: string; mayBeNull: boolean } {
  const types = property.type === undefined ? [] : [property.type].flat()
  const choices = property.anyOf ?? property.oneOf ?? []
  if (types.length === 0 && choices.length > 0) {
    const mayBeNull = choices.some(choice => choice.type === 'null')
    const only = choices.find(choice => choice.type !== 'null')
    return { type: only ? sqlType(only).type : 'jsonb', mayBeNull }
  }
  const mayBeNull = types.includes('null')
  switch (types.find(type => type !== 'null')) {
    case 'integer':
      return { type: 'integer', mayBeNull }
    case 'number':
      return { type: 'double precision', mayBeNull }
    case 'boolean':
      return { type: 'boolean', mayBeNull }
    case 'string': {
      const length = property.maxLength === undefined ? 'text' : `character varying(${property.maxLength})`
      return { type: FORMATS[property.format ?? ''] ?? length, mayBeNull }
    }
    case 'object':
    case 'array':
      // Objection writes both as JSON.
      return { type: 'jsonb', mayBeNull }
    default:
      return { type: property.enum ? 'text' : 'unknown', mayBeNull }
  }
}

function placeOf(name: string, fallback: string): Place {
  const [table = '', schema = fallback] = name.split('.').reverse()
  return { schema, table }
}
