import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EnginelightError } from './errors.ts'

/**
 * Throws EL_MISSING_PEER when the installed copy of an optional peer is older than this entry point needs. The peer
 * range in package.json accepts any version: otherwise npm would refuse the whole package beside an older copy of the
 * application's own.
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

/** The version of the package that a resolved file belongs to; undefined where no folder has its name, as in a bundle. */
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
