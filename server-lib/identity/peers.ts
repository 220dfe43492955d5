import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { IS_BUNDLED, OWN_FILE } from './own-code.ts'

/** Code named by an `eval` has no folder to start from, so it uses the working directory. */
const require = createRequire(isAbsolute(OWN_FILE) ? OWN_FILE : `${process.cwd()}/x.js`)

/**
 * Loads a package that goes into a bundle. The published file has `require('ws')` in its place, which a bundler sees;
 * so it must be called with a literal.
 */
export function loadPeer(name: string): unknown {
  return require(name)
}

/**
 * The same for a package that may not be installed. The published file passes `bundled`, a `require` in a `try`:
 * bundlers include the package where it is installed, and do not miss it where it is not.
 */
export function loadOptional(name: string, bundled?: () => unknown): unknown {
  try {
    if (bundled) return bundled()
  } catch {
    // Not in the bundle, but perhaps beside it. An error of the package itself is thrown again below.
  }
  return require(name)
}

/**
 * Loads a package that no bundle includes: knex names drivers of every database, so a bundle with it only builds with a
 * list of them.
 */
export function loadBeside(name: string): unknown {
  return require(name)
}

/** What the error about a missing package adds in a bundle. */
export const besideBundle = (names: string): string =>
  IS_BUNDLED
    ? ` In this bundle it is loaded from node_modules: mark ${names} as external, and install them beside it.`
    : ''

/** The main file of a package, as resolved from this code; undefined where it is not found. */
export function resolvedPeer(name: string): string | undefined {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}

/** Loads a file of the build by its name in `dist`. The published file has `require('…')` in its place. */
export function loadOwn(name: string): unknown {
  return require(join(dirname(OWN_FILE), '../../dist', name))
}
