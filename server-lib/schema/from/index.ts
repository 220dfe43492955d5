import { drizzle } from './drizzle.ts'
import { mikroOrm } from './mikro-orm.ts'
import { objection } from './objection.ts'
import { sequelize } from './sequelize.ts'
import { typeorm } from './typeorm.ts'

/**
 * Tables as the models of an ORM describe them, in the shape in which `reflect` gives those of a database. Nothing is sent
 * to a database, and no ORM is loaded: its objects are read by their shape.
 */
export const tablesFrom = { typeorm, sequelize, drizzle, mikroOrm, objection } as const

export type { DrizzleOptions } from './drizzle.ts'
export type { HostColumn, TablesFromOptions, TypeOf } from './host-column.ts'
export type { MikroOrm } from './mikro-orm.ts'
export type { ObjectionModel } from './objection.ts'
export type { SequelizeInstance } from './sequelize.ts'
export type { TypeormDataSource } from './typeorm.ts'
