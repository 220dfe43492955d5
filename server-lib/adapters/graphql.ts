import type { Engines } from '../engine-set/engines.ts'
import type { Definitions } from '../containers/db.ts'
import { runUnit } from './unit.ts'

/** What is used of a `GraphQLSchema`, of any version. */
interface Schema {
  getMutationType(): { getFields(): Record<string, { resolve?: unknown }> } | null | undefined
}

type Resolve = (source: unknown, args: unknown, context: unknown, info: Info) => unknown
interface Info {
  readonly fieldName: string
  readonly path: { readonly key: string | number }
}

const units = new WeakSet<object>()

/**
 * Makes each field of the mutation type a unit of its own, in the given schema, which it returns. A field that fails
 * undoes what it wrote and answers null; the others are kept. An error below such a field undoes the whole request.
 * Works with every server that executes the schema: yoga, Apollo, Nest.
 */
export function mutationUnits<S extends Schema, D extends Definitions>(schema: S, engines: Engines<D>): S {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    if (units.has(field)) continue
    units.add(field)
    const resolve = (field.resolve as Resolve | undefined) ?? resolveOfRoot
    field.resolve = (source: unknown, args: unknown, context: unknown, info: Info) =>
      runUnit(engines, String(info.path.key), `mutation ${info.fieldName}`, async () => {
        const value = await resolve(source, args, context, info)
        // GraphQL treats a returned error as a thrown one.
        if (value instanceof Error) throw value
        return value
      })
  }
  return schema
}

/** Resolves a field without a resolver as GraphQL does: from the root value, whose functions get no source argument. */
const resolveOfRoot: Resolve = (source, args, context, info) => {
  const root = source as Record<string, unknown> | null | undefined
  const value = root?.[info.fieldName]
  return typeof value === 'function' ? value.call(root, args, context, info) : value
}
