import type { Engines } from './engines.ts'
import type { Db, Definitions } from '../containers/db.ts'

/**
 * The engines of the application and the name of their container, for every framework's request type. Augment it once:
 *
 * ```ts
 * declare module 'enginelight' {
 *   interface Register { engines: typeof engines; as: 'db' }
 * }
 * ```
 */
export interface Register {}

/** The container of the registered engines; of any engines where none are registered. */
export type RegisteredDb = Register extends { engines: Engines<infer D> } ? Db<D> : Db<Definitions>

type RegisteredName = Register extends { as: infer Name extends string } ? Name : 'db'

/** The property that a mounted request gains: `{ db }`, or the registered name. */
export type RegisteredRequest = { readonly [Name in RegisteredName]: RegisteredDb }
