/** Runs a function in an async context that was kept: that of `createEngines`. */
export type InContext = <T>(fn: () => T) => T
