import { createHash } from 'node:crypto'
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { newToken } from '../locks/index.ts'
import { createOwn, ownFolder, readOwn, stateFolder, UnsafePlace } from './state-folder.ts'

/** What the panels of one project have in common, and keep over restarts. */
export interface Project {
  readonly token: string
  /** The first port to try. */
  readonly port: number
  /** Where its processes find each other. */
  readonly folder: string
}

/** Below the ports that systems give to clients. */
const FIRST_PORT = 21_000
const PORTS = 10_000
const TOKEN = /^[\w-]{16,64}$/

/** The real path of the folder with the nearest package.json, or of the working directory where there is none. */
export function projectPath(from = process.cwd()): string {
  const start = realpathSync(from)
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return start
  }
}

/** The project's own folder in the state folder of this user. */
export function projectFolder(path = projectPath()): string {
  return join(stateFolder(), createHash('sha256').update(path).digest('hex').slice(0, 16))
}

/**
 * The project's token and port: the kept ones, or new ones that are kept. Throws `UnsafePlace` where others could read
 * or replace them, and what the system says where nothing can be kept.
 */
export function keptProject(path = projectPath()): Project {
  const folder = projectFolder(path)
  ownFolder(folder)
  const known = knownProject(path)
  if (known !== null) return known
  createOwn(fileIn(folder), `${JSON.stringify({ token: newToken(), port: portOf(path), project: path })}\n`)
  // Of two processes that start at once both use what the faster one has written.
  return parse(readOwn(fileIn(folder)) ?? '', folder)
}

/** The kept one, or null: nothing is made. */
export function knownProject(path = projectPath()): Project | null {
  const folder = projectFolder(path)
  const kept = readOwn(fileIn(folder))
  return kept === null ? null : parse(kept, folder)
}

/** A new token in place of the kept one. A process that runs keeps the old one until it ends. */
export function replaceToken(path = projectPath()): Project {
  rmSync(fileIn(projectFolder(path)), { force: true })
  return keptProject(path)
}

/** The same at each start, and another one for most other projects. */
const portOf = (path: string): number =>
  FIRST_PORT + (createHash('sha256').update(path).digest().readUInt32BE(0) % PORTS)

const fileIn = (folder: string): string => join(folder, 'panel.json')

function parse(text: string, folder: string): Project {
  try {
    const { token, port } = JSON.parse(text) as Project
    if (TOKEN.test(token) && Number.isInteger(port) && port > 0 && port < 65_536)
      return { token, port, folder }
  } catch {
    // Told below.
  }
  throw new UnsafePlace(`${fileIn(folder)} is not what was written there: remove it`)
}
