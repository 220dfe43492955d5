import { existsSync } from 'node:fs'
import Module from 'node:module'
import { join } from 'node:path'

/**
 * With ENGINELIGHT_PG, a node_modules of another pg: whatever asks for pg or its cursors gets those, knex too; and a knex of there,
 * where it has one. vitest's alias gives them to the tests themselves.
 */
const folder = process.env.ENGINELIGHT_PG

type Resolve = (request: string, ...rest: unknown[]) => string
const loader = Module as unknown as { _resolveFilename: Resolve }

const resolve = loader._resolveFilename
// Files that share a process load this once each.
if (folder !== undefined && resolve.name !== 'resolveTheirs') {
  const theirs = existsSync(join(folder, 'knex'))
    ? /^(pg|pg-cursor|pg-query-stream|knex)(\/|$)/
    : /^(pg|pg-cursor|pg-query-stream)(\/|$)/
  loader._resolveFilename = function resolveTheirs(request, ...rest) {
    const isTheirs = theirs.test(request)
    return resolve.call(this, isTheirs ? join(folder, request) : request, ...rest)
  }
}
