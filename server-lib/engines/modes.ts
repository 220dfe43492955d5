/**
 * What an engine's mode means for its sessions, one row for each. `begins`: a session begins a transaction, and follows
 * its status as the server reports it. `keeps`: how long a session keeps its connection. `ends`: what ends the open
 * work.
 */
export const MODES = {
  transaction: { begins: true, keeps: 'transaction', ends: 'session' },
  autocommit: { begins: false, keeps: 'queue', ends: 'statement' },
  borrowed: { begins: false, keeps: 'statement', ends: 'host' },
} as const

export type Mode = keyof typeof MODES
export type ModeRule = (typeof MODES)[Mode]
