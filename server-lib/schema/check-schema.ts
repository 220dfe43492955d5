import { EnginelightError } from '../channels/errors.ts'
import type { Schema } from './table.ts'

/** Throws EL_CONFIG for anything but a schema; mostly it is a promise of one. */
export function checkSchema(asker: string, schema: Schema): void {
  if (Array.isArray(schema?.tables)) return
  const sentence =
    typeof (schema as { then?: unknown } | undefined)?.then === 'function'
      ? 'takes a schema, and was given the promise of one: await reflect(…) first.'
      : 'takes a schema: what `await reflect(session)` or `tablesFrom` gives.'
  throw new EnginelightError('EL_CONFIG', `${asker} ${sentence}`, { option: 'schema' })
}
