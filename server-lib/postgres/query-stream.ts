import type { Readable } from 'node:stream'
import { EnginelightError } from '../channels/errors.ts'
import type { DriverStream } from '../dialect/stream.ts'
import { loadOptional } from '../identity/peers.ts'

type QueryStream = new (text: string, values: unknown[]) => Readable & DriverStream

/** A stream of rows, by the package pg-query-stream. Throws EL_MISSING_PEER. */
export function openStream(text: string, values: unknown[]): Readable & DriverStream {
  const Stream = load()
  return new Stream(text, values)
}

function load(): QueryStream {
  try {
    return loadOptional('pg-query-stream') as QueryStream
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'stream() needs the package pg-query-stream: npm install pg-query-stream.',
      { cause },
    )
  }
}
