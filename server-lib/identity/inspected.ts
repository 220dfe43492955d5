/** What Node calls for `console.log` and in errors of its test runner. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom')

type Inspect = (value: unknown, options: object) => string

/** What `console.log` shows of an object of ours: a name and plain facts, and nothing behind them. */
export function shown(name: string, facts: object, options: object, inspect: Inspect | undefined): unknown {
  // A console that is not Node's gives no function.
  return inspect ? `${name} ${inspect(facts, options)}` : facts
}

export type InspectArguments = [depth: number, options: object, inspect?: Inspect]
