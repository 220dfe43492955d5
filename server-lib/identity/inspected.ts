/** The method that Node calls for `console.log` and in errors of its test runner. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom')

type Inspect = (value: unknown, options: object) => string

/** What `console.log` shows of an object of ours: a name and plain facts. */
export function shown(name: string, facts: object, options: object, inspect: Inspect | undefined): unknown {
  // A console other than Node's passes no function.
  return inspect ? `${name} ${inspect(facts, options)}` : facts
}

export type InspectArguments = [depth: number, options: object, inspect?: Inspect]
