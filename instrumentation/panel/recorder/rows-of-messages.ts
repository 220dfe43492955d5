import type {
  ChannelMessages,
  ChannelName,
  CheckoutHolder,
  EngineDescription,
  ErrorFacts,
  EngineOutcome,
  Site,
} from '../../../server-lib/channels/index.ts'
import type { Column } from '../../model/column.ts'
import { encoder, type Row } from '../../model/codec.ts'
import { ROWS, type Fact, type Kind, type Time } from '../../model/rows.ts'
import { cellsOf } from './cells.ts'
import type { Ink } from './ink.ts'
import { count, id } from './plain.ts'
import { withinOf, type Start } from './request-sums.ts'

/** A message of one channel and phase. */
type Message<N extends ChannelName, P> = ChannelMessages[N] extends infer M
  ? M extends { phase: infer Q }
    ? P extends Q
      ? M
      : never
    : never
  : never

/** For each message that can be said, what makes a row of it; null where it has nothing for the page. */
type RowOfEach = {
  readonly [N in ChannelName]: {
    readonly [P in ChannelMessages[N]['phase']]: ((message: Message<N, P>, at: Time) => Row) | null
  }
}

/** What a message must have for the columns of a kind that are made of its property of the same name. */
type Said<K extends Kind> = {
  readonly [N in keyof Fact<K>]: (typeof ROWS)[K]['columns'][N & keyof (typeof ROWS)[K]['columns']] extends {
    type: 'site'
  }
    ? Site | null
    : Fact<K>[N]
}

type Both<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void ? I : never
type Own<K extends Kind> = { readonly [N in keyof Fact<K>]?: (from: never) => unknown }
/** What a message must have to become a row: for the columns as they are, and for those made in a way of their own. */
type From<K extends Kind, O> = Omit<Said<K>, keyof O> &
  Both<{ [N in keyof O]: O[N] extends (from: infer F) => unknown ? F : never }[keyof O]>

type Failed = { readonly error: ErrorFacts }
type MayFail = { readonly error: ErrorFacts | null }

/**
 * How messages become rows. A column is made of the message's property of the same name, if nothing else is said here:
 * a message that has none, or one of another type, does not compile.
 */
export function rowsOfMessages(ink: Ink) {
  const write = (column: Column) => cellsOf(column, ink)
  const to = <K extends Kind, O extends Own<K> = {}>(kind: K, own?: O) =>
    encoder<From<K, O> & object>(kind, write, own as never)

  const ofConnection = { id: ({ connection }: { connection: string }) => id(connection) }
  const failure = {
    code: ({ error }: Failed) => (error.code == null ? null : id(error.code)),
    message: ({ error }: Failed) => ink.message(error),
  }
  const failureOrNull = {
    code: ({ error }: MayFail) => (error?.code == null ? null : id(error.code)),
    message: ({ error }: MayFail) => (error === null ? null : ink.message(error)),
  }
  const ofTransaction = {
    key: ({ transaction }: { transaction: string | null }) => transaction && id(transaction),
  }

  const engineFacts = write(ROWS.engine.columns.facts)
  const engine = to('engine', {
    facts: ({ description }: { description: EngineDescription }) =>
      engineFacts({ ...description, server: serverOf(description) }),
  })
  const holders = write(ROWS.checkoutFailed.columns.holders)
  const engines = write(ROWS.commitEnd.columns.engines)

  return {
    'enginelight:engine': {
      declared: engine,
      reinitialized: engine,
      closing: null,
      closed: to('engineClosed'),
    },
    'enginelight:pool': {
      connected: to('connected', { ...ofConnection, uses: ({ uses }: { uses?: number }) => count(uses) }),
      disconnected: to('disconnected', ofConnection),
      'connect failed': to('connectFailed', failure),
    },
    'enginelight:request': {
      start: to('requestStart', {
        label: ({ label, kind }: { label: string; kind: string }) => ink.label(label, kind === 'http'),
      }),
      end: to('requestEnd'),
    },
    'enginelight:session': {
      start: to('sessionStart'),
      state: to('sessionState'),
      ending: to('sessionEnding'),
      end: to('sessionEnd'),
    },
    'enginelight:checkout': {
      start: to('checkoutStart', {
        frames: ({ site }: { site: Site | null }) => ink.frames(site),
        isLineTaken,
      }),
      acquired: to('checkoutAcquired'),
      failed: to('checkoutFailed', {
        ...failure,
        holders: (message: { holders: readonly CheckoutHolder[] }) =>
          holders(
            message.holders.map(holder => ({
              ...holder,
              isLineTaken: isLineTaken(holder),
              requestLabel: withoutQuery(holder),
            })),
          ),
      }),
      dirty: to('checkoutDirty'),
      released: to('checkoutReleased'),
      kept: to('checkoutKept'),
      overdue: to('checkoutOverdue'),
    },
    'enginelight:transaction': {
      start: to('transactionStart'),
      savepoint: to('savepoint'),
      failed: to('transactionFailed', { code: failure.code }),
      end: to('transactionEnd'),
    },
    'enginelight:statement': {
      start: to('statementStart', {
        text: (message: Start) => ink.internShown(ink.shown(message)),
        cursor: ({ kind }: { kind: string }) => (kind === 'cursor' ? 1 : 0),
        valuesHash: (message: Start) => ink.valuesHash(message),
        within: ({ site }: { site: Site | null }) => ink.textOrNull(withinOf(site)),
      }),
      end: to('statementEnd', failureOrNull),
    },
    'enginelight:commit': {
      start: to('commitStart', ofTransaction),
      'step started': to('stepStart'),
      'step ended': to('stepEnd', failureOrNull),
      end: to('commitEnd', {
        ...failureOrNull,
        engines: (message: { engines: Readonly<Record<string, EngineOutcome>> }) =>
          engines(Object.entries(message.engines).map(([engine, outcome]) => ({ engine, outcome }))),
      }),
      'in doubt': to('inDoubt', ofTransaction),
      recovered: to('recovered', ofTransaction),
    },
    'enginelight:process': { stalled: to('stalled') },
  } satisfies RowOfEach
}

export type RowsOfMessages = ReturnType<typeof rowsOfMessages>

const serverOf = ({ serverAddress, serverPort }: EngineDescription) =>
  serverPort === null ? serverAddress : `${serverAddress}:${serverPort}`

/** The sender may be a library of another version, which always takes it. */
const isLineTaken = (of: { readonly isLineTaken: boolean }) => of.isLineTaken !== false

const withoutQuery = ({ requestLabel }: CheckoutHolder) =>
  requestLabel === null ? null : id(requestLabel).replace(/[?#].*$/s, '')
