import type { Engine } from '../engines/engine.ts'
import { errorFacts, warn } from '../channels/errors.ts'
import { endPrepared } from './end-prepared.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
const PATIENCE_MS = 5_000

/**
 * Keeps trying to end a prepared transaction whose decision is known, until it is done or the engine is closed; then
 * recovery takes over. Keeps no process alive.
 */
export function endInBackground(engine: Engine, gid: string, how: 'commit' | 'rollback'): void {
  const decided = how === 'commit' ? 'committed' : 'rolled back'
  warn(
    'EL_IN_DOUBT',
    `Engine "${engine.name}" has not ended ${gid} yet, which is decided to be ${decided}. It keeps its locks until then. This process and recovery go on trying.`,
  )
  let pauseMs = FIRST_PAUSE_MS
  const again = () => {
    setTimeout(() => void tryOnce(), pauseMs).unref()
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
  const tryOnce = () =>
    endPrepared(engine, gid, how, PATIENCE_MS).then(
      () => {},
      error => {
        if (errorFacts(error).code !== 'EL_ENGINE_CLOSED') again()
      },
    )
  again()
}
