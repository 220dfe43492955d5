import { createRequire } from 'node:module'
import { EnginelightError } from '../../errors.ts'
import { requireNotOlder } from '../../installed-peer.ts'

// The comments below reach the emitted declarations: who has not installed this optional peer gets `any` and no error.

/** @ts-ignore apache-arrow is an optional peer. */
export type Arrow = typeof import('apache-arrow')
/** @ts-ignore apache-arrow is an optional peer. */
export type { Data, DataType, RecordBatch, Schema, Table, Vector } from 'apache-arrow'

const { resolve } = createRequire(import.meta.url)
let library: Arrow | Promise<Arrow> | undefined

/** apache-arrow, which begins to load as it is first needed. Throws EL_MISSING_PEER where it is not installed. */
export function loadArrow(): Arrow | Promise<Arrow> {
  if (library) return library
  let resolved: string
  try {
    resolved = resolve('apache-arrow')
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'toArrow() needs the package apache-arrow: npm install apache-arrow.',
      { cause },
    )
  }
  requireNotOlder(resolved, 'apache-arrow', '21', 'toArrow()')
  // Imported, not required: the package has two copies of itself, and this is the one of applications that import it.
  return (library = import('apache-arrow').then(arrow => (library = arrow)))
}
