/** Short enough that each of them passes many times in a run, and in the seconds that a coordinator stands still. */
export const COMMIT_TIMEOUT_MS = 2_000
export const STATEMENT_TIMEOUT_MS = 1_500
/**
 * Far longer than a coordinator can wait for an outcome, far shorter than it is stopped: rows are deleted under it. (In an
 * application it is days.)
 */
export const KEEP_DECISIONS_MS = 5_000

export const NAMES = ['amsterdam', 'berlin', 'cadiz']
export const ACCOUNTS = 20
export const START_BALANCE = 1_000
