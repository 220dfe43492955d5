import type { Engines } from './engines.ts'
import type { Db, Definitions } from '../containers/db.ts'

/**
 * Tells every framework's request type which engines there are and where the container hangs. Augment it once:
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

/** What a mounted request has besides its own: `{ db }`, or the name that was registered. */
export type RegisteredRequest = { readonly [Name in RegisteredName]: RegisteredDb }
