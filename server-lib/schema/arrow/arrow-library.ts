import { EnginelightError } from '../../errors.ts'

export type Arrow = typeof import('apache-arrow')
export type { Data, DataType, Field, RecordBatch, Schema, Table, Vector } from 'apache-arrow'

let loading: Promise<Arrow> | undefined

/** apache-arrow, loaded as it is first needed. Rejects with EL_MISSING_PEER. */
export function loadArrow(): Promise<Arrow> {
  return (loading ??= import('apache-arrow').catch((cause: unknown) => {
    // It may be installed by the time of the next call.
    loading = undefined
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'toArrow() needs the package apache-arrow: npm install apache-arrow.',
      { cause },
    )
  }))
}
