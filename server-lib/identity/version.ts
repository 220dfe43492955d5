/**
 * The version of this package. A constant, because a bundled application has no package.json of ours; a test compares
 * the two.
 */
export const VERSION = '0.1.0'
