import { createServer } from 'node:http'
import type { PanelSettings } from '../options.ts'
import { Recorder } from '../recorder/index.ts'
import type { MountedPanel } from './attach.ts'
import { Doorway } from './doorway.ts'
import { loadParts } from './parts.ts'
import { pageAt, pageOf } from './url.ts'
import { takePort, type SharedPort } from '../processes/index.ts'
import { placeOf } from './place.ts'

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
    const { host } = settings
    const { token, ports, folder } = placeOf(settings)
    let held: SharedPort | null = null
    const page = () => pageOf(server) ?? (held && pageAt({ address: host, port: held.port }))
    const isServing = () => server.listening || held !== null
    const doorway = new Doorway({ ...settings, token, folder }, recorder, parts, {
      isServing,
      applicationUrl: () => null,
      page,
    })
    server.on('request', doorway.request.bind(doorway))
    server.on('upgrade', doorway.upgrade.bind(doorway))
    const door = await doorway.openLocalDoor()
    held = await takePort(server, { ports, host, token })
    server.on('error', () => {})
    server.unref()
    let isClosed = false
    return {
      get url() {
        return isClosed ? null : `${page()}#t=${token}`
      },
      findings: () => (isClosed ? [] : doorway.findings()),
      async close() {
        isClosed = true
        recorder.stop()
        held.close()
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
