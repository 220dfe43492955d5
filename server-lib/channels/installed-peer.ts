import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EnginelightError } from './errors.ts'

/**
 * Throws EL_MISSING_PEER where the installed copy of an optional peer is older than this door needs. The peer's own range lets any
 * through: npm would else refuse the whole package beside an older copy that the application has for itself.
 */
export function requireNotOlder(
  resolved: string | undefined,
  name: string,
  needed: string,
  door: string,
): void {
  const version = resolved === undefined ? undefined : versionOf(resolved, name)
  if (version === undefined || !isOlder(version, needed)) return
  throw new EnginelightError(
    'EL_MISSING_PEER',
    `${door} needs ${name} ${needed} or newer, and ${version} is installed: npm install ${name}@latest.`,
  )
}

/** Of the package that a resolved file belongs to; undefined where it has no folder of that name, as in a bundle. */
function versionOf(resolved: string, name: string): string | undefined {
  const folder = join('node_modules', name)
  const at = resolved.lastIndexOf(folder)
  if (at === -1) return undefined
  try {
    const file = join(resolved.slice(0, at + folder.length), 'package.json')
    return (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version
  } catch {
    return undefined
  }
}

function isOlder(version: string, needed: string): boolean {
  const [has, needs] = [version, needed].map(one => one.split('.').map(Number))
  const [major = 0, minor = 0] = has ?? []
  const [neededMajor = 0, neededMinor = 0] = needs ?? []
  return major === neededMajor ? minor < neededMinor : major < neededMajor
}
