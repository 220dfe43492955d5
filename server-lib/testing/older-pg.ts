import Module from 'node:module'
import { join } from 'node:path'

/**
 * With ENGINELIGHT_PG, the folder of another pg: whatever asks for `pg` gets that, knex too. vitest's alias gives it to the
 * tests themselves.
 */
const folder = process.env.ENGINELIGHT_PG

type Resolve = (request: string, ...rest: unknown[]) => string
const loader = Module as unknown as { _resolveFilename: Resolve }

if (folder !== undefined) {
  const resolve = loader._resolveFilename
  loader._resolveFilename = function (request, ...rest) {
    const isPg = request === 'pg' || request.startsWith('pg/')
    return resolve.call(this, isPg ? join(folder, request.slice('pg'.length)) : request, ...rest)
  }
}
