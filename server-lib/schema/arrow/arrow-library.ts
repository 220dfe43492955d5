import { EnginelightError } from '../../channels/errors.ts'
import { requireNotOlder } from '../../channels/installed-peer.ts'
import { IS_BUNDLED } from '../../identity/own-code.ts'
import { loadOptional, resolvedPeer } from '../../identity/peers.ts'

// The comments below reach the emitted declarations: without this optional peer the types are `any`, and no error.

/** @ts-ignore apache-arrow is an optional peer. */
export type Arrow = typeof import('apache-arrow')
/** @ts-ignore apache-arrow is an optional peer. */
export type { Data, DataType, RecordBatch, Schema, Table, Vector } from 'apache-arrow'

let library: Arrow | Promise<Arrow> | undefined

/** apache-arrow, loaded when it is first needed. Throws EL_MISSING_PEER if it is not installed. */
export function loadArrow(): Arrow | Promise<Arrow> {
  if (library) return library
  // A bundle may contain it, where only the import below finds it.
  if (!IS_BUNDLED) {
    const resolved = resolvedPeer('apache-arrow')
    if (resolved === undefined) throw missing()
    requireNotOlder(resolved, 'apache-arrow', '21', 'toArrow()')
  }
  return (library = importArrow())
}

async function importArrow(): Promise<Arrow> {
  try {
    // Imported, not required: the package has two copies of itself, and this is the one of applications that import it.
    library = await import('apache-arrow')
  } catch {
    // If nothing can be imported, as in Jest, the application itself has the other copy.
    library = requireArrow()
  }
  return library
}

function requireArrow(): Arrow {
  try {
    return loadOptional('apache-arrow') as Arrow
  } catch (cause) {
    library = undefined
    throw missing(cause)
  }
}

const missing = (cause?: unknown) =>
  new EnginelightError(
    'EL_MISSING_PEER',
    'toArrow() needs the package apache-arrow: npm install apache-arrow.',
    { cause },
  )
