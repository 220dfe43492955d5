import { channels } from '../channels/channels.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { Control } from '../dialect/control.ts'
import type { Language } from '../dialect/language.ts'
import { lineHere } from '../watch/line-here.ts'
import { controlIn } from './control-texts.ts'
import type { Where } from './session-queue.ts'

/** One statement on its way: what is sent, when it was asked for, and by which line. */
export interface Statement {
  readonly config: unknown
  readonly capture: SiteCapture | null
  readonly askedAt: number
  /** How long it waited behind other statements of the session. Set when its turn comes. */
  queuedMs: number
  /** Whether its text is known to be exactly one statement. */
  readonly isSingle: boolean
  readonly sender: Sender | undefined
  /** The transaction control in its text that only the transaction's owner may send. */
  readonly control: Control | null
  /** The BEGIN texts, when they are pipelined with it. */
  beginning: readonly string[] | undefined
}

/** The sender of a statement, which may give up before it is sent. */
export interface Sender {
  isSent: boolean
  readonly gaveUp: boolean
}

/** What a session is asked to send. */
export interface Asked {
  readonly config: unknown
  /** The line that asks. */
  readonly capture: SiteCapture | null
  /** Whether the text is known to be exactly one statement. */
  readonly isSingle?: boolean
  readonly sender?: Sender
  /** The place where it queues. */
  readonly where?: Where | undefined
}

export function asked(
  { reading }: Language,
  { config, capture, isSingle = false, sender }: Asked,
): Statement {
  // Without an observer, the time in the queue is not needed.
  const askedAt = channels.statement.hasSubscribers ? performance.now() : 0
  const control = controlIn(reading, config, isSingle)
  const line = control ? (capture ?? lineHere()) : capture
  return { config, capture: line, askedAt, queuedMs: 0, isSingle, sender, control, beginning: undefined }
}

export function textOf({ calls }: Language, config: unknown): string {
  if (typeof config === 'string') return config
  const { text } = (config ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : (calls.statementIn([config])?.text ?? '')
}

export const givenUp = () => new Error('Given up before it was sent.')
