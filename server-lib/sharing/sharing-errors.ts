import { EnginelightError } from '../channels/errors.ts'

/** The getter returned nothing that a statement could be sent on. */
export function noHostConnection(what: string, cause?: unknown): EnginelightError {
  return new EnginelightError(
    'EL_NO_HOST_CONNECTION',
    `There is no connection to borrow: ${what}.`,
    cause === undefined ? {} : { cause },
  )
}

export function noHostTransaction(pid: number | null, needs: string, cause?: unknown): EnginelightError {
  return new EnginelightError(
    'EL_NO_HOST_TRANSACTION',
    `The host has no transaction open on its connection (backend ${pid ?? 'unknown'}), and ${needs}: ` +
      'it has ended it already, or never begun one.',
    { backendPid: pid, cause },
  )
}

export function hostTransactionFailed(pid: number | null, cause?: unknown): EnginelightError {
  return new EnginelightError(
    'EL_HOST_TRANSACTION_FAILED',
    `The host's transaction on backend ${pid ?? 'unknown'} has failed and can only be rolled back, so nothing was sent.`,
    { backendPid: pid, cause },
  )
}

export function leaseEnded(pid: number | null, why: string, cause?: unknown): EnginelightError {
  return new EnginelightError(
    'EL_LEASE_ENDED',
    `The connection (backend ${pid ?? 'unknown'}) is no longer lent: ${why}. Nothing was sent.`,
    { backendPid: pid, cause },
  )
}

export function hostWaited(pid: number | null, waitedMs: number): EnginelightError {
  return new EnginelightError(
    'EL_HOST_WAITED',
    `A statement of the host waited ${Math.round(waitedMs)} ms on backend ${pid ?? 'unknown'} for a borrower whose savepoint is open, and was not sent.`,
    { backendPid: pid, waitedMs },
  )
}
