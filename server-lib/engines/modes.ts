/**
 * What the mode of an engine means for its sessions, a row for each. `begins`: a session begins a transaction, and follows what the
 * server says of it. `keeps`: for how long a session keeps its connection. `ends`: what ends the work that is open.
 */
export const MODES = {
  transaction: { begins: true, keeps: 'transaction', ends: 'session' },
  autocommit: { begins: false, keeps: 'queue', ends: 'statement' },
  borrowed: { begins: false, keeps: 'statement', ends: 'host' },
} as const

export type Mode = keyof typeof MODES
export type ModeRule = (typeof MODES)[Mode]
