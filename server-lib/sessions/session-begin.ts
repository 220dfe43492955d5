import type { EnginelightError } from '../channels/errors.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { HeldConnection } from './held-connection.ts'

/** What is used of the life of the session. */
interface BeginningLife {
  readonly engine: Engine
  readonly request: RequestScope
  readonly isReadOnly: boolean
  beginTexts(): readonly string[]
  begun(held: HeldConnection): EnginelightError | undefined
  beginFailed(held: HeldConnection, cause: unknown): EnginelightError
  giveBack(): void
}

/** Opens the session's transaction; in autocommit, sends the read-only setting where it is needed. */
export async function begin(life: BeginningLife, held: HeldConnection): Promise<void> {
  const { options, owned, dialect } = life.engine
  const { texts } = dialect
  const settings = settingsOf(life)
  try {
    if (options.rule.begins) {
      const begun = held.control(life.beginTexts().join('; '), options.beginTimeoutMs)
      faultPoint('begin:sent', held.driver.raw)
      await begun
      faultPoint('begin:answered', held.driver.raw)
      if (settings) await held.control(texts.setForTransaction(settings), options.beginTimeoutMs)
    }
    // A pool of our own sets this as it opens a connection.
    else if (options.rule.ends === 'statement' && life.isReadOnly && !owned)
      await held.control(texts.readOnlySession, options.beginTimeoutMs)
  } catch (cause) {
    throw life.beginFailed(held, cause)
  }
  const lost = life.begun(held)
  if (lost) throw lost
}

/** The settings that describe the request. The application's function is called before anything is sent, because it may throw. */
function settingsOf(life: BeginningLife): Readonly<Record<string, string>> | undefined {
  if (!life.engine.options.rule.begins) return undefined
  try {
    return life.request.annotate?.()
  } catch (error) {
    life.giveBack()
    throw error
  }
}
