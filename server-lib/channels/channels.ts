import diagnosticsChannel from 'node:diagnostics_channel'
import { developerLooks } from '../identity/development.ts'
import { wantSites } from '../identity/wanted-sites.ts'
import { comparedValues } from '../identity/wanted-values.ts'
import { Channel, type Observer } from './channel.ts'
import type { CommitMessage } from './commit-messages.ts'
import type {
  CheckoutMessage,
  EngineMessage,
  PoolMessage,
  ProcessMessage,
  RequestMessage,
  SessionMessage,
  StatementMessage,
  TransactionMessage,
} from './messages.ts'

/**
 * All channels of Enginelight, by name, and the messages on each. `channels.md` documents them; a test compares the
 * two.
 *
 * A message is a plain record of ids, times and counts. It holds no live object, no parameter value and no credential.
 * `at` is `performance.now()` in milliseconds. A `start` is published synchronously in the async context of the caller,
 * so an observer may read `AsyncLocalStorage` (OpenTelemetry's active span) in it. The exception is the `start` of a
 * transaction: the server's answer triggers it.
 */
export interface ChannelMessages {
  'enginelight:engine': EngineMessage
  'enginelight:pool': PoolMessage
  'enginelight:request': RequestMessage
  'enginelight:session': SessionMessage
  'enginelight:checkout': CheckoutMessage
  'enginelight:transaction': TransactionMessage
  'enginelight:statement': StatementMessage
  'enginelight:commit': CommitMessage
  'enginelight:process': ProcessMessage
}

export type ChannelName = keyof ChannelMessages

/** The channels themselves, for publishers. */
export const channels = {
  engine: new Channel<EngineMessage>('enginelight:engine'),
  pool: new Channel<PoolMessage>('enginelight:pool'),
  request: new Channel<RequestMessage>('enginelight:request'),
  session: new Channel<SessionMessage>('enginelight:session'),
  checkout: new Channel<CheckoutMessage>('enginelight:checkout'),
  transaction: new Channel<TransactionMessage>('enginelight:transaction'),
  statement: new Channel<StatementMessage>('enginelight:statement'),
  commit: new Channel<CommitMessage>('enginelight:commit'),
  process: new Channel<ProcessMessage>('enginelight:process'),
} satisfies {
  [K in ChannelName as K extends `enginelight:${infer N}` ? N : never]: Channel<ChannelMessages[K]>
}

export interface ObserveOptions {
  /**
   * Whether this observer reads the `site` of messages, on any channel. Finding a line costs more than the rest of its
   * message. Default false.
   */
  readonly sites?: boolean
  /** Whether this observer reads the `valuesHash` of statements. It costs about as much as the rest of the message. Default false. */
  readonly values?: boolean
  /**
   * Whether a developer is watching: responses then have the header `x-enginelight-uncommitted`, which lists what is
   * uncommitted when they are sent, as with `NODE_ENV=development`. Default false.
   */
  readonly development?: boolean
}

/**
 * Subscribes to one channel until the returned function is called. The observer runs synchronously inside the
 * application: keep it short. What it throws is reported as a process warning and goes no further.
 */
export function observe<N extends ChannelName>(
  name: N,
  observer: Observer<ChannelMessages[N]>,
  { sites = false, values = false, development = false }: ObserveOptions = {},
): () => void {
  const listener = (message: unknown) => observer(message as ChannelMessages[N])
  const wantNoSites = sites ? wantSites() : undefined
  const wantNoValues = values ? comparedValues.want() : undefined
  const looksAway = development ? developerLooks() : undefined
  diagnosticsChannel.subscribe(name, listener)
  return () => {
    diagnosticsChannel.unsubscribe(name, listener)
    wantNoSites?.()
    wantNoValues?.()
    looksAway?.()
  }
}
