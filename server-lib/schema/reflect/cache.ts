import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { warn } from '../../channels/errors.ts'
import { failureText } from '../../channels/failure-text.ts'
import { replaceFile } from '../replace-file.ts'
import type { Schema } from '../table.ts'
import { fingerprint } from './fingerprint.ts'
import type { ReflectOptions, SchemaCache } from './options.ts'
import type { Queryable } from './queryable.ts'

/** Version of the description's format: entries of an older version of this package are not used. */
const FORMAT = 3

/**
 * The entry for the catalogue's fingerprint, or else the result of `read`. A failing cache costs time and a warning.
 */
export async function cached(
  session: Queryable,
  cache: string | SchemaCache,
  { schemas, only }: ReflectOptions,
  read: () => Promise<Schema>,
): Promise<Schema> {
  const store = typeof cache === 'string' ? fileCache(cache) : cache
  const wanted = [
    FORMAT,
    await fingerprint(session),
    schemas ?? null,
    only instanceof RegExp ? String(only) : (only ?? null),
  ]
  const key = createHash('sha256').update(JSON.stringify(wanted)).digest('hex')
  const kept = await carefully('read', async () => {
    const text = await store.get(key)
    return typeof text === 'string' ? (JSON.parse(text) as Schema) : undefined
  })
  if (kept) return kept
  const schema = await read()
  await carefully('written', () => store.set(key, JSON.stringify(schema)))
  return schema
}

async function carefully<T>(done: string, work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (cause) {
    warn('EL_CACHE_FAILED', `The cache of reflect() could not be ${done}: ${failureText(cause)}`)
    return undefined
  }
}

/** Keeps one description in a file. A new one replaces it atomically: a reader finds the old or the new. */
function fileCache(file: string): SchemaCache {
  return {
    async get(key) {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      const end = text.indexOf('\n')
      return text.slice(0, end) === key ? text.slice(end + 1) : null
    },
    set: (key, text) => replaceFile(file, `${key}\n${text}\n`),
  }
}
