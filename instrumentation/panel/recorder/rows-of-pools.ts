import type {
  CheckoutHolder,
  CheckoutMessage,
  EngineDescription,
  EngineMessage,
  PoolMessage,
} from '../../../server-lib/channels/index.ts'
import { KIND, type AnyRow, type EngineFacts, type HolderFacts } from '../../model/rows.ts'
import type { Ink } from './ink.ts'
import { count, countOrNull, id, idOrNull, ms } from './plain.ts'

const HOLDERS = 100

/** The row for an engine's message, or null if it has nothing for the page. */
export function engineRow(message: EngineMessage): AnyRow | null {
  switch (message.phase) {
    case 'declared':
    case 'reinitialized':
      return [0, KIND.engine, ms(message.at), engineFacts(message.description)]
    case 'closing':
      return null
    case 'closed':
      return [0, KIND.engineClosed, ms(message.at), id(message.engine)]
    default:
      message satisfies never
      return null
  }
}

const SOURCES = ['connection', 'knex', 'pg.Pool', 'borrowed'] as const

/** The sender may be a library of another version. */
export const modeOf = (mode: string): EngineFacts['mode'] =>
  mode === 'autocommit' || mode === 'borrowed' ? mode : 'transaction'

export function engineFacts(of: EngineDescription): EngineFacts {
  return {
    engine: id(of.engine),
    pool: id(of.pool),
    isDefault: of.isDefault === true,
    mode: modeOf(of.mode),
    access: of.access === 'read' ? 'read' : 'write',
    enlist: of.enlist === 'independent' ? 'independent' : 'atomic',
    transactional: of.transactional === true,
    source: SOURCES.find(source => source === of.source) ?? 'connection',
    owned: of.owned === true,
    min: count(of.min),
    max: count(of.max),
    checkoutTimeoutMs: count(of.checkoutTimeoutMs),
    transactions: of.transactions === 'unknown' ? 'unknown' : 'told',
    server:
      of.serverAddress === null
        ? null
        : id(of.serverPort === null ? of.serverAddress : `${of.serverAddress}:${of.serverPort}`),
    database: idOrNull(of.database),
  }
}

export function poolRow(message: PoolMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  switch (message.phase) {
    case 'connected':
      return [
        0,
        KIND.connected,
        at,
        id(message.connection),
        id(message.engine),
        id(message.pool),
        count(message.slot),
        countOrNull(message.backendPid),
        0,
      ]
    case 'disconnected':
      return [0, KIND.disconnected, at, id(message.connection), ink.text(message.reason)]
    case 'connect failed':
      return [
        0,
        KIND.connectFailed,
        at,
        id(message.engine),
        id(message.pool),
        idOrNull(message.error.code),
        ink.message(message.error),
      ]
    default:
      message satisfies never
      return null
  }
}

export function checkoutRow(message: CheckoutMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  const checkout = id(message.id)
  switch (message.phase) {
    case 'start':
      return [
        0,
        KIND.checkoutStart,
        at,
        checkout,
        id(message.engine),
        id(message.pool),
        idOrNull(message.request),
        idOrNull(message.session),
        ink.site(message.site),
        ink.frames(message.site),
        ...lineNotTaken(message),
      ]
    case 'acquired':
      return [0, KIND.checkoutAcquired, at, checkout, id(message.connection), ms(message.waitMs)]
    case 'failed':
      return [
        0,
        KIND.checkoutFailed,
        at,
        checkout,
        idOrNull(message.error.code),
        ink.message(message.error),
        ms(message.waitMs),
        message.holders.slice(0, HOLDERS).map(holderFacts),
      ]
    case 'dirty':
      return [
        0,
        KIND.checkoutDirty,
        at,
        checkout,
        id(message.connection),
        message.status === 'E' ? 'E' : 'T',
        ink.site(message.previousSite),
      ]
    case 'released':
      return [0, KIND.checkoutReleased, at, checkout, ink.textOrNull(message.discarded)]
    case 'kept':
      return [0, KIND.checkoutKept, at, checkout, ink.textOrNull(message.keptFor)]
    // The board shows how long a hold lasts anyway.
    case 'overdue':
      return null
    default:
      message satisfies never
      return null
  }
}

/** The last column of a check-out's row, if it has one. The sender may be a library of another version. */
export const lineNotTaken = ({ isLineTaken }: { readonly isLineTaken: boolean }): [] | [1] =>
  isLineTaken === false ? [1] : []

function holderFacts(holder: CheckoutHolder): HolderFacts {
  return {
    slot: count(holder.slot),
    connection: id(holder.connection),
    backendPid: countOrNull(holder.backendPid),
    request: idOrNull(holder.request),
    requestLabel: holder.requestLabel === null ? null : id(holder.requestLabel).replace(/[?#].*$/s, ''),
    heldMs: ms(holder.heldMs),
    site: idOrNull(holder.site),
    isLineTaken: holder.isLineTaken !== false,
    state: id(holder.state) as HolderFacts['state'],
    stateMs: ms(holder.stateMs),
    keptFor: idOrNull(holder.keptFor ?? null),
  }
}
