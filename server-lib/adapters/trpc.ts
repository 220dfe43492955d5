import type { Engines } from '../engine-set/engines.ts'
import type { Definitions } from '../containers/db.ts'
import { runUnit } from './unit.ts'

/** What is used of the options of a tRPC middleware. */
interface Call<Result> {
  readonly type: string
  readonly path: string
  next(): Promise<Result>
}

/** Carries a failed procedure's answer out of its unit: tRPC does not throw it. */
class Undone {
  readonly result: unknown

  constructor(result: unknown) {
    this.result = result
  }
}

/**
 * tRPC middleware, `t.procedure.use(procedureUnit(engines))`: each procedure is a unit of its own; a batch runs one
 * after the other. A procedure that fails undoes what it wrote, and the others are kept.
 */
export function procedureUnit<D extends Definitions>(
  engines: Engines<D>,
): <Result extends { readonly ok: boolean }>(call: Call<Result>) => Promise<Result> {
  return async <Result extends { readonly ok: boolean }>({ type, path, next }: Call<Result>) => {
    // A subscription sends its data before it ends.
    if (type === 'subscription') return next()
    const work = async () => {
      const result = await next()
      if (!result.ok) throw new Undone(result)
      return result
    }
    try {
      return await runUnit(engines, path, `${type} ${path}`, work)
    } catch (error) {
      if (error instanceof Undone) return error.result as Result
      throw error
    }
  }
}
