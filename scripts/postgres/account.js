import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * The account that PostgreSQL runs as: it refuses to run as root. An empty object means the account of this process.
 *
 * @typedef {{ uid?: number, gid?: number }} Account
 */

/** Root has a choice of these. None is made: a test leaves the machine as it was. */
const NAMES = ['postgres', 'nobody', 'daemon']

const run = promisify(execFile)

/** @returns {Promise<Account>} */
export async function accountForServer() {
  if (process.getuid?.() !== 0) return {}
  for (const name of NAMES) {
    try {
      const [user, group] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(user.stdout), gid: Number(group.stdout) }
    } catch {
      // There is no such account.
    }
  }
  throw new Error(`PostgreSQL does not run as root, and there is no account named ${NAMES.join(', ')}.`)
}
