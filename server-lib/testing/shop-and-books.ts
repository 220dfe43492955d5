import { afterAll, afterEach, beforeAll } from 'vitest'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { expectBackends, expectQuiet } from './ground-truth.ts'

/** A table, and what a two-phase commit needs. */
export const INSTALLED = `create table t (id serial primary key, name text); ${INSTALL_SQL}`

export interface ShopAndBooks {
  readonly shop: TestDatabase
  readonly books: TestDatabase
}

/**
 * Two databases, both installed by the end of the first test. After each test they are quiet, and the decisions and these tables
 * empty; at the end no backend is left. What a file opens on them it closes in an `afterAll` of its own: that one runs first.
 */
export function shopAndBooks(schema = INSTALLED, tables = 't'): ShopAndBooks {
  let shop!: TestDatabase
  let books!: TestDatabase
  beforeAll(async () => {
    ;[shop, books] = await Promise.all([createDatabase(schema), createDatabase(schema)])
  })
  afterEach(async () => {
    for (const database of [shop, books]) {
      await expectQuiet(database)
      await database.admin(`truncate ${tables} restart identity`)
      await database.admin('delete from enginelight_decision')
    }
  })
  afterAll(async () => {
    for (const database of [shop, books]) {
      await expectBackends(database, 0)
      await database.drop()
    }
  })
  return {
    get shop() {
      return shop
    },
    get books() {
      return books
    },
  }
}
