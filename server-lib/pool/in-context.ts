/** Runs a function in the async context of `createEngines`. */
export type InContext = <T>(fn: () => T) => T
