import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { IS_BUNDLED, OWN_FILE } from './own-code.ts'

/** In a file that an `eval` has named there is no folder to start from but the working directory. */
const require = createRequire(isAbsolute(OWN_FILE) ? OWN_FILE : `${process.cwd()}/x.js`)

/**
 * Loads a package that goes into a bundle: what is published says `require('ws')` in its place, which a bundler sees. So
 * these must be called with a literal.
 */
export function loadPeer(name: string): unknown {
  return require(name)
}

/**
 * The same for a package that a user may lack. What is published has `bundled`, a `require` in a `try`: bundlers take it
 * along where it is installed, and do not miss it where it is not.
 */
export function loadOptional(name: string, bundled?: () => unknown): unknown {
  try {
    if (bundled) return bundled()
  } catch {
    // Not in the bundle: perhaps beside it. An error of the package itself comes again.
  }
  return require(name)
}

/**
 * Loads a package that no bundle takes along: knex names drivers of every database, so a bundle that has it does not
 * build without a list of them.
 */
export function loadBeside(name: string): unknown {
  return require(name)
}

/** What an error about a missing package adds in a bundle. */
export const besideBundle = (names: string): string =>
  IS_BUNDLED
    ? ` In this bundle it is loaded from node_modules: mark ${names} as external, and install them beside it.`
    : ''

/** The file that the package begins with, as it is found from where this code is; undefined where it is not. */
export function resolvedPeer(name: string): string | undefined {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}

/** Loads a file of the build by its name in `dist`. What is published says `require('…')` in its place. */
export function loadOwn(name: string): unknown {
  return require(join(dirname(OWN_FILE), '../../dist', name))
}
