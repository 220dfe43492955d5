import { unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Duplex } from 'node:stream'
import type { Proven } from './proof.ts'

/** What a process answers about itself at its local door. */
export const ABOUT_PATH = '/about'
/** A longer path fits into no address of a Unix socket. */
const LONGEST_PATH = 100

/** Where other processes of the same user and project reach the feed of this one. */
export interface LocalDoor {
  close(): void
}

export interface Behind {
  readonly about: () => Proven
  /** Its locks are those of the folder: whoever asks here is a process of the same user. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

const PIPES = '\\\\.\\pipe\\'

/** The address of a door: in a private folder, or on Windows the name of a pipe. It begins with the process's pid. */
export const doorPath = (folder: string, name: string): string =>
  process.platform === 'win32'
    ? `${PIPES}enginelight-${folder.replaceAll(/[^\w]/g, '_')}-${name}`
    : join(folder, name)

/** Opens the door of this thread. Rejects where its folder cannot be written or its path is too long. */
export async function openLocalDoor(folder: string, { about, upgrade }: Behind): Promise<LocalDoor> {
  const path = doorPath(folder, `${process.pid}.${threadId}`)
  if (Buffer.byteLength(path) > LONGEST_PATH) throw new Error(`${path} is too long for a socket.`)
  if (process.platform !== 'win32') {
    remove(path)
  }
  const server = createServer((request, response) => {
    if (request.url !== ABOUT_PATH) return void response.writeHead(404).end()
    // It never ends: its end is that of the process.
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.write(`${JSON.stringify(about())}\n`)
  })
  server.on('upgrade', upgrade)
  server.on('connection', socket => socket.unref())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  server.on('error', () => {})
  server.unref()
  const onExit = () => remove(path)
  process.on('exit', onExit)
  return {
    close() {
      process.off('exit', onExit)
      server.close()
      server.closeAllConnections()
      remove(path)
    },
  }
}

/** What another process, or an earlier one of the same pid, has left there. */
export function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is not there: the usual case.
  }
}
