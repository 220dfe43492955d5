import type { Time } from '../model/rows.ts'
import { count, duration } from '../model/format.ts'
import { LINE_NOT_TAKEN } from '../../server-lib/channels/words.ts'
import { laneStatus } from './lane-status.ts'
import { lanesOf, loadOf, shownPools } from '../model/pool-load.ts'
import type { Checkout, PanelState } from '../model/state.ts'
import { holderOnLane, whyFull } from './why-full.ts'

export interface HomeSentence {
  readonly tone: 'good' | 'warn' | 'bad'
  readonly say: string
  readonly why: string
}

/** How long a failed attempt stays in the headline. */
const CONNECT_ERROR_MS = 10_000

/** The dashboard's warning light as one sentence: the worst that is true of the pools right now. */
export function homeSentence(state: PanelState, now: Time): HomeSentence {
  let open = 0
  let used = 0
  let warning: HomeSentence | null = null
  for (const { pool, engine } of shownPools(state)) {
    const refused = engine.lastConnectError
    if (refused && now - refused.at < CONNECT_ERROR_MS) {
      return {
        tone: 'bad',
        say: `${engine.engine} cannot connect to its database${engine.server ? ` at ${engine.server}` : ''}.`,
        why: `${refused.message} (${duration(now - refused.at)} ago)`,
      }
    }
    const load = loadOf(state, pool, now)
    const statuses = lanesOf(state, pool).map(lane => laneStatus(state, lane, false, now))
    // A borrowed connection belongs to its host, and is counted there.
    if (engine.mode !== 'borrowed') {
      used += load.used
      open += pool.max
    }
    const stuck = statuses.filter(s => s.phase === 'idle in transaction' && s.tone !== 'calm').length
    const leaks = statuses.filter(s => s.overMs !== null)
    if (load.waiting.length > 0 && load.used >= load.max) {
      const longest = Math.max(...load.waiting.map(c => now - c.askedAt))
      return {
        tone: 'bad',
        say:
          engine.mode === 'borrowed'
            ? `${count(load.waiting.length, 'borrower')} of ${pool.engine} ${load.waiting.length === 1 ? 'waits' : 'wait'} for the connection of the host.`
            : `${pool.engine} has no free connection: ${load.used} of ${load.max} are held, ${count(load.waiting.length, 'request')} ${load.waiting.length === 1 ? 'waits' : 'wait'}.`,
        why: `${whyFull(
          statuses.flatMap(status => holderOnLane(status) ?? []),
          load.waiting.map(c => c.request),
        )} The longest has waited ${duration(longest)}.`,
      }
    }
    if (leaks.length > 0) {
      const [leak] = leaks
      warning ??= {
        tone: 'bad',
        say: `${leak!.request?.label ?? 'A request'} is over, but still holds a connection of ${pool.engine}.`,
        why: `Its request ended ${leak!.forHow}. Taken at ${lineOf(leak!.checkout)}.`,
      }
    }
    if (stuck > 0 && warning?.tone !== 'bad') {
      warning = {
        tone: 'warn',
        say: `${count(stuck, 'connection')} of ${pool.engine} ${stuck === 1 ? 'sits' : 'sit'} idle in a transaction.`,
        why: 'The application does something else while a transaction is open: others cannot have the connection, and rows stay locked.',
      }
    }
  }
  if (warning) return warning
  return {
    tone: 'good',
    say: 'No request waits for a connection.',
    why: `${used} of ${open} connections are held right now.`,
  }
}

function lineOf(checkout: Checkout | null | undefined): string {
  if (checkout?.isLineTaken === false) return `an unknown line (${LINE_NOT_TAKEN})`
  return checkout?.site ?? 'an unknown line'
}
