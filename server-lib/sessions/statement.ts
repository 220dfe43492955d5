import { channels } from '../channels/channels.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { Control } from '../postgres/read-control.ts'
import { lineHere } from '../watch/line-here.ts'
import { controlIn } from './control-texts.ts'

/** One statement on its way: what is sent, when it was asked for, and from which line. */
export interface Statement {
  readonly config: unknown
  readonly capture: SiteCapture | null
  readonly askedAt: number
  /** How long it stood behind other statements of the session, set when its turn comes. */
  queuedMs: number
  /** Whether its text is known to be one statement and no more. */
  readonly isSingle: boolean
  readonly sender: Sender | undefined
  /** What in its text is for the code that ends the transaction. */
  readonly control: Control | null
  /** What begins its transaction, where that travels with it. */
  beginning: readonly string[] | undefined
}

/** What sends a statement and may lose patience before it is sent. */
export interface Sender {
  isSent: boolean
  readonly gaveUp: boolean
}

export function asked(
  config: unknown,
  capture: SiteCapture | null,
  isSingle: boolean,
  sender?: Sender,
): Statement {
  // Unheard, nobody asks how long it stood in the queue.
  const askedAt = channels.statement.hasSubscribers ? performance.now() : 0
  const control = controlIn(config, isSingle)
  const line = control ? (capture ?? lineHere()) : capture
  return { config, capture: line, askedAt, queuedMs: 0, isSingle, sender, control, beginning: undefined }
}

export function textOf(config: unknown): string {
  if (typeof config === 'string') return config
  const { text, cursor } = (config ?? {}) as { text?: unknown; cursor?: { text?: unknown } }
  return typeof text === 'string' ? text : typeof cursor?.text === 'string' ? cursor.text : ''
}

export const givenUp = () => new Error('Given up before it was sent.')
