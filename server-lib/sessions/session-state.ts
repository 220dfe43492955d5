import type { SessionState } from '../channels/words.ts'

/**
 * The states of a session. Each row is a state, each entry a move and the state it leads to.
 *
 * `idle` holds no connection. `active` has a transaction open (or, in autocommit, a statement running). `failed` has a
 * transaction in which a statement failed, so only a rollback is possible. `prepared` has handed its transaction over
 * to the server, under a name, in a two-phase commit.
 */
const MOVES = {
  idle: { begin: 'active', commit: 'idle', rollback: 'idle', release: 'idle', end: 'ended' },
  active: {
    fail: 'failed',
    commit: 'idle',
    rollback: 'idle',
    release: 'idle',
    prepare: 'prepared',
    lose: 'lost',
    recover: 'active',
    end: 'ended',
  },
  failed: {
    recover: 'active',
    commit: 'idle',
    rollback: 'idle',
    release: 'idle',
    lose: 'lost',
    end: 'ended',
  },
  // Its connection does not matter any more: any other can end the prepared transaction.
  prepared: { commit: 'idle', rollback: 'idle', release: 'idle', lose: 'prepared', end: 'ended' },
  lost: { rollback: 'idle', release: 'idle', lose: 'lost', end: 'ended' },
  ended: { end: 'ended', lose: 'ended' },
} as const satisfies Record<SessionState, Partial<Record<string, SessionState>>>

export type SessionMove = { [S in SessionState]: keyof (typeof MOVES)[S] }[SessionState]

/** The state that a move leads to; undefined where the move is illegal. */
export function after(state: SessionState, move: SessionMove): SessionState | undefined {
  return (MOVES[state] as Partial<Record<SessionMove, SessionState>>)[move]
}

/** The moves that a state allows, as an error lists them. */
export function legalMoves(state: SessionState): readonly SessionMove[] {
  return Object.keys(MOVES[state]) as SessionMove[]
}
