// The engines of a worker, of a recoverer, and of `enginelight recover`: three servers, whose URLs are in the environment.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/shell.js'
import { COMMIT_TIMEOUT_MS, NAMES, STATEMENT_TIMEOUT_MS } from './limits.js'

const folder = process.env.CRASH_BUILD ?? join(root, 'dist/server-lib')
const { createEngines, engine } = await import(pathToFileURL(join(folder, 'index.js')).href)
const urls = JSON.parse(process.env.CRASH_URLS ?? '[]')

export const engines = createEngines(
  Object.fromEntries(
    NAMES.map((name, index) => [
      name,
      engine()({
        connection: { connectionString: urls[index], application_name: 'crash' },
        pool: { max: 8 },
        commitTimeoutMs: COMMIT_TIMEOUT_MS,
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        checkoutTimeoutMs: 2_000,
        connectTimeoutMs: 1_000,
      }),
    ]),
  ),
  { application: 'crash', requireTwoPhase: true },
)
