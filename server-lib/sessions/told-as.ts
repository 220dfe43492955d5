import { EnginelightError } from '../channels/errors.ts'
import type { Engine } from '../engines/engine.ts'
import type { HeldConnection } from './held-connection.ts'
import * as errors from './session-errors.ts'

/** What is used of the life of the session. */
interface FailingLife extends errors.SessionFacts {
  readonly engine: Engine
  readonly held: HeldConnection | undefined
  /** The first error of the open transaction, or the one that took its connection. */
  readonly failure: Error | undefined
  failedError(): EnginelightError
}

/** A statement's error as the caller sees it: the server's own, unless the connection or an earlier failure is the reason. */
export function toldAs(life: FailingLife, error: Error): Error {
  if (error instanceof EnginelightError) return error
  const first = life.failure
  if (isLostWith(life, error)) return errors.connectionLost(life, first ?? error, 'while a statement ran')
  if (life.engine.dialect.errors.kindOf(error) === 'transaction failed' && first && first !== error)
    return life.failedError()
  return error
}

function isLostWith({ held, engine, failure }: FailingLife, error: Error): boolean {
  if (held) return held.driver.failureOn(error) === 'connection'
  // A borrowed connection is returned after each statement, so holding none is no sign of a loss.
  return (
    engine.dialect.errors.failureOf(error) === 'connection' &&
    (engine.options.rule.ends !== 'host' || failure !== undefined)
  )
}
