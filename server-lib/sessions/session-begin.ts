import type { EnginelightError } from '../channels/errors.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { READ_ONLY_SESSION, setForTransaction } from '../postgres/control.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { HeldConnection } from './held-connection.ts'

/** The life of the session whose transaction begins. */
interface BeginningLife {
  readonly engine: Engine
  readonly request: RequestScope
  readonly isReadOnly: boolean
  beginTexts(): readonly string[]
  begun(held: HeldConnection): EnginelightError | undefined
  beginFailed(held: HeldConnection, cause: unknown): EnginelightError
  giveBack(): void
}

/** Opens the transaction of a session, or in autocommit what stands for it. */
export async function begin(life: BeginningLife, held: HeldConnection): Promise<void> {
  const { options, owned } = life.engine
  const settings = settingsOf(life)
  try {
    if (options.rule.begins) {
      const begun = held.control(life.beginTexts().join('; '), options.beginTimeoutMs)
      faultPoint('begin:sent', held.driver)
      await begun
      faultPoint('begin:answered', held.driver)
      if (settings) await held.control(setForTransaction(settings), options.beginTimeoutMs)
    }
    // On a pool of our own the setting was made as the connection was opened.
    else if (options.rule.ends === 'statement' && life.isReadOnly && !owned)
      await held.control(READ_ONLY_SESSION, options.beginTimeoutMs)
  } catch (cause) {
    throw life.beginFailed(held, cause)
  }
  const lost = life.begun(held)
  if (lost) throw lost
}

/** What the request says of itself. The application's function is called before anything is sent, for it may throw. */
function settingsOf(life: BeginningLife): Readonly<Record<string, string>> | undefined {
  if (!life.engine.options.rule.begins) return undefined
  try {
    return life.request.annotate?.()
  } catch (error) {
    life.giveBack()
    throw error
  }
}
