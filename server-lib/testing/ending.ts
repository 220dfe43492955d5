/** A client or pool of pg, or a knex. */
type Ends = { end(): Promise<unknown> } | { destroy(): Promise<unknown> }

/** After a failed expectation a connection may be out for ever, and the failure is to be told in spite of it. */
const GIVE_UP_MS = 2_000

/** Ends with the block that it is declared in: `await using pool = ending(new pg.Pool(…))`. */
export function ending<T extends Ends>(it: T): T & AsyncDisposable {
  const end = async () => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise(resolve => void (timer = setTimeout(resolve, GIVE_UP_MS)))
    await Promise.race(['destroy' in it ? it.destroy() : it.end(), late])
    clearTimeout(timer)
  }
  return Object.defineProperty(it, Symbol.asyncDispose, { value: end }) as T & AsyncDisposable
}
