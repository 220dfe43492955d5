import {
  constants,
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where programs of this user keep what outlives them: `$XDG_STATE_HOME`, or what the system has for it. */
export function stateFolder(): string {
  const { XDG_STATE_HOME: named, LOCALAPPDATA: local } = process.env
  if (named !== undefined && isAbsolute(named)) return join(named, 'enginelight')
  if (process.platform === 'win32' && local) return join(local, 'enginelight')
  if (process.platform === 'darwin') return join(homedir(), 'Library/Application Support/enginelight')
  return join(homedir(), '.local/state/enginelight')
}

/** A secret's place is not safe. The sentence says what is wrong with it. */
export class UnsafePlace extends Error {}

/** Makes a folder for this user alone. Throws `UnsafePlace` where one is there that others own or can enter. */
export function ownFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const stats = lstatSync(path)
  if (!stats.isDirectory()) throw new UnsafePlace(`${path} is not a folder`)
  checkOwner(path, stats)
}

const LONGEST_FILE = 4_096

/** The text of a file of this user alone; null where there is none. No link is followed. */
export function readOwn(path: string): string | null {
  let file: number
  try {
    // Windows has neither the flag nor the bits: its folder is the user's.
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === 'ELOOP') throw new UnsafePlace(`${path} is a link`)
    throw error
  }
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw new UnsafePlace(`${path} is not a file`)
    checkOwner(path, stats)
    const bytes = Buffer.alloc(LONGEST_FILE)
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, LONGEST_FILE, 0))
  } finally {
    closeSync(file)
  }
}

/** Makes a file of this user alone, whole from its first moment. False where another process was faster. */
export function createOwn(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  writeFileSync(draft, text, { flag: 'wx', mode: 0o600 })
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function checkOwner(path: string, { uid, mode }: Stats): void {
  if (process.platform === 'win32') return
  if (uid !== process.getuid?.()) throw new UnsafePlace(`${path} belongs to another user`)
  if ((mode & 0o077) !== 0) throw new UnsafePlace(`others can read ${path}`)
}
