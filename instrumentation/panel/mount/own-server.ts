import { createServer } from 'node:http'
import type { PanelSettings } from '../options.ts'
import { Recorder } from '../recorder/index.ts'
import type { MountedPanel } from './attach.ts'
import { Doorway } from './doorway.ts'
import { loadParts } from './parts.ts'
import { urlAt, urlOf } from './url.ts'
import { Directory, listen, openLocalDoor, SharedPort } from '../processes/index.ts'

const HEADERS_MS = 10_000
/** More than the sockets without a token, so that those cannot keep out a page that has it. */
const CONNECTIONS = 400

/** Starts the panel on a server of its own, which does not keep the process alive. */
export async function startOwnServer(settings: PanelSettings): Promise<MountedPanel> {
  const recorder = new Recorder(settings.limits, settings.errorMessages)
  recorder.start()
  try {
    const parts = loadParts()
    const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS })
    server.maxConnections = CONNECTIONS
    const { port, host, token, folder } = settings
    const directory = new Directory(folder)
    let isShared = false
    const isServing = () => server.listening || isShared
    const doorway = new Doorway(settings, recorder, parts, isServing, () => null, directory)
    server.on('request', doorway.request.bind(doorway))
    server.on('upgrade', doorway.upgrade.bind(doorway))
    const own = { about: () => doorway.about(), upgrade: doorway.relayed.bind(doorway) }
    // Without it the other processes of the project do not list this one; its own page is complete.
    const door = await openLocalDoor(folder, own).catch(() => null)
    const shared = new SharedPort(server, { port, host, token })
    const state = port === 0 ? 'foreign' : await shared.take()
    // Some other program has it: the reason is told as Node tells it.
    if (state === 'foreign') await listen(server, port, host)
    isShared = state === 'shared'
    server.on('error', () => {})
    server.unref()
    let isClosed = false
    return {
      get url() {
        if (isClosed) return null
        return urlOf(server, token) ?? urlAt({ address: host, port }, token)
      },
      findings: () => (isClosed ? [] : doorway.findings()),
      async close() {
        isClosed = true
        isShared = false
        recorder.stop()
        shared.close()
        door?.close()
        const closed = new Promise<void>(resolve => server.close(() => resolve()))
        server.closeAllConnections()
        await doorway.close('the panel was closed')
        await closed
      },
    }
  } catch (error) {
    recorder.stop()
    throw error
  }
}
