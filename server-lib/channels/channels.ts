import diagnosticsChannel from 'node:diagnostics_channel'
import { developerLooks } from '../identity/development.ts'
import { wantSites } from '../identity/wanted-sites.ts'
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
 * Everything that Enginelight says about what happens, in one list: the channel's name and the messages
 * on it. `channels.md` documents each of them; a test holds the two together.
 *
 * A message is a plain record of ids, times and counts. It holds no live object, no parameter value and no
 * credential. `at` is `performance.now()` in milliseconds. A `start` is published synchronously in the async
 * context of the caller, so an observer may read `AsyncLocalStorage` (OpenTelemetry's active span) in it; but that of a
 * transaction, which an answer shows.
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
  /** Whether this observer reads the `site` of messages, of whatever channel. Each line costs more than the rest of its messages. Default false. */
  readonly sites?: boolean
  /**
   * Whether a developer looks on: responses then say in the header `x-enginelight-uncommitted` what is uncommitted as they are
   * sent, as with `NODE_ENV=development`. Default false.
   */
  readonly development?: boolean
}

/**
 * Listens to one channel until the returned function is called. The observer runs synchronously inside the
 * application: keep it short. What it throws is reported as a process warning and goes no further.
 */
export function observe<N extends ChannelName>(
  name: N,
  observer: Observer<ChannelMessages[N]>,
  { sites = false, development = false }: ObserveOptions = {},
): () => void {
  const listener = (message: unknown) => observer(message as ChannelMessages[N])
  const wantNoSites = sites ? wantSites() : undefined
  const looksAway = development ? developerLooks() : undefined
  diagnosticsChannel.subscribe(name, listener)
  return () => {
    diagnosticsChannel.unsubscribe(name, listener)
    wantNoSites?.()
    looksAway?.()
  }
}
