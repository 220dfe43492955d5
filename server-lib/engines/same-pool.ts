import { isDeepStrictEqual } from 'node:util'
import { isPoolSource } from './driver-pool.ts'
import type { CheckedOptions, EngineConfig } from './engine-config.ts'

interface Configured {
  readonly config: EngineConfig
  readonly options: CheckedOptions
}

/**
 * Whether an engine can go on with the pool opened for another config. A pool that the application made must be the
 * same object. A pool that we made depends on every option; a function that was created anew is not the same.
 */
export function isSamePool(before: Configured, now: Configured): boolean {
  const [old, config] = [before.config, now.config]
  if (config.borrowed !== undefined || old.borrowed !== undefined) return false
  if (typeof config.knex === 'function' || isPoolSource(config.pool))
    return config.knex === old.knex && config.pool === old.pool
  return (
    typeof old.knex !== 'function' &&
    !isPoolSource(old.pool) &&
    isDeepStrictEqual(before.options, now.options) &&
    isDeepStrictEqual(sourceOf(old), sourceOf(config))
  )
}

const sourceOf = ({ connection, knex, pool }: EngineConfig) => ({ connection, knex, pool })
