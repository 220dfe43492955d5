import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyOf, installedBinaries } from './binaries.js'

/**
 * @typedef {import('./account.js').Account} Account
 * @typedef {import('./binaries.js').Binaries} Binaries
 */

/** The folder of one server, and the programs that its account can run: those in node_modules, or a copy in the folder. */
/** @typedef {{ folder: string, binaries: Binaries }} Place */

/**
 * Makes a folder that the account can walk into. Its name is random: root must not run what somebody else put there.
 *
 * @param {Account} account
 * @param {(folder: string) => void} made Is told of each folder at once, so that none stays behind.
 * @param {string} [first] Where it should be, if it can be there.
 * @returns {Promise<Place>}
 */
export async function makePlace(account, made, first = tmpdir()) {
  const installed = await installedBinaries()
  // The first may be a folder of root's own, or one that nothing can be run from.
  const others = account.uid === undefined ? [] : ['/tmp', '/var/tmp']
  const parents = [...new Set([first, tmpdir(), ...others])]
  /** @type {unknown} */
  let cause
  for (const parent of parents) {
    try {
      const folder = await mkdtemp(join(parent, 'enginelight-postgres-'))
      made(folder)
      await chmod(folder, 0o755)
      await mustRun('test', ['-x', folder], account)
      if (await canRun(installed, account)) return { folder, binaries: installed }
      const binaries = await copyOf(installed, join(folder, 'programs'))
      await mustRun(binaries.initdb, ['--version'], account)
      return { folder, binaries }
    } catch (error) {
      cause = error
    }
  }
  throw new Error(`PostgreSQL cannot be run from ${parents.join(', ')} by the account ${account.uid}.`, {
    cause,
  })
}

/** @param {Binaries} binaries @param {Account} account */
const canRun = ({ initdb }, account) =>
  mustRun(initdb, ['--version'], account).then(
    () => true,
    () => account.uid === undefined,
  )

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Account} account
 */
async function mustRun(command, args, account) {
  if (account.uid === undefined && command === 'test') return
  const [code] = await once(spawn(command, args, { ...account, stdio: 'ignore' }), 'exit')
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}
