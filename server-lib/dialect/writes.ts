import type { DriverResult } from './result.ts'

/** What a dialect knows of statements that change something. */
export interface Writing {
  /** Whether a statement has changed data or schema, by its answer. */
  isChange(result: DriverResult): boolean
  /** The same, or set, kept or undid a savepoint, which can undo changes. */
  isFollowed(result: DriverResult): boolean
  /** Whether the change left something to lose: not when no row was changed, nor when rows were only copied out. */
  hasLeftSomething(result: DriverResult, text: string): boolean
  /** Whether the text of a statement may write, as far as its first word tells. */
  mayWrite(text: string): boolean
}
