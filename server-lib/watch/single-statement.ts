import { executionAsyncId } from 'node:async_hooks'

/*
 * A knex builder that runs takes a connection for its one statement, before it returns from `run`. Nobody will ask from
 * which line a single statement held its connection, and a stack costs more than all the rest of a check-out; so where
 * nobody reads lines the runner says that the next check-out is one. Outside of the tick it says so in, it says nothing.
 */
let begunIn = -1

/** A builder is about to ask for the connection of its one statement. */
export function singleStatementBegins(): void {
  begunIn = executionAsyncId()
}

/** Whether the connection that is asked for now is for a single statement. */
export function isSingleStatement(): boolean {
  const is = begunIn === executionAsyncId()
  begunIn = -1
  return is
}
