import type { ModelSchema } from '../table.ts'
import { drizzle, type DrizzleOptions } from './drizzle.ts'
import type { TablesFromOptions } from './host-column.ts'
import { mikroOrm, type MikroOrm } from './mikro-orm.ts'
import { objection, type ObjectionModel } from './objection.ts'
import { sequelize, type SequelizeInstance } from './sequelize.ts'
import { typeorm, type TypeormDataSource } from './typeorm.ts'

/** One function for each ORM. */
export interface TablesFrom {
  readonly typeorm: (dataSource: TypeormDataSource, options?: TablesFromOptions) => ModelSchema
  readonly sequelize: (instance: SequelizeInstance, options?: TablesFromOptions) => ModelSchema
  readonly drizzle: (schema: object, options?: DrizzleOptions) => ModelSchema
  readonly mikroOrm: (orm: MikroOrm, options?: TablesFromOptions) => ModelSchema
  readonly objection: (
    modelClasses: readonly ObjectionModel[] | Readonly<Record<string, ObjectionModel>>,
    options?: TablesFromOptions,
  ) => ModelSchema
}

/**
 * Tables as an ORM's models describe them, in the form that `reflect` gives for a database. Nothing is sent to a
 * database, and no ORM is loaded: its objects are read by their shape.
 */
export const tablesFrom: TablesFrom = { typeorm, sequelize, drizzle, mikroOrm, objection }

export type { DrizzleOptions } from './drizzle.ts'
export type { HostColumn, TablesFromOptions, TypeOf } from './host-column.ts'
export type { MikroOrm } from './mikro-orm.ts'
export type { ObjectionModel } from './objection.ts'
export type { SequelizeInstance } from './sequelize.ts'
export type { TypeormDataSource } from './typeorm.ts'
