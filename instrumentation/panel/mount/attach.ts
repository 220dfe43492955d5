import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { EnginelightError } from '../../../server-lib/index.ts'
import type { Finding } from '../../model/finding.ts'
import type { PanelSettings } from '../options.ts'
import { isOurs } from '../page/index.ts'
import type { LocalDoor } from '../processes/index.ts'
import { Recorder } from '../recorder/index.ts'
import { Doorway } from './doorway.ts'
import { handBack } from './hand-back.ts'
import { loadParts } from './parts.ts'
import { placeOf, type Place } from './place.ts'
import { Shadow } from './shadow.ts'
import { originOf, pageOf, urlOf } from './url.ts'

export type MountableServer = HttpServer | HttpsServer

/** A panel that is mounted. */
export interface MountedPanel {
  /**
   * With the token in its fragment, for the developer's browser; null before the server listens, and when the panel is
   * off.
   */
  readonly url: string | null
  /**
   * What is wrong in this process, the worst first, and then what was (`isOver`), until a page dismisses it: leaks, full
   * pools, lost commits, repeated statements. May be asked at any time, in a test too; no page has to be open. What only
   * the servers know, as who blocks whom, is found only while a page watches. Empty when the panel is off or closed.
   */
  findings(): readonly Finding[]
  /** Removes the panel with its listeners, sockets and memory. Resolves when its sockets are closed. */
  close(): Promise<void>
}

const mounted = new WeakSet<MountableServer>()

/** Mounts the panel on a server that others use as well. */
export async function attach(server: MountableServer, settings: PanelSettings): Promise<MountedPanel> {
  if (mounted.has(server))
    throw new EnginelightError('EL_PANEL_CONFIG', 'This server has a panel already: close that one first.')
  mounted.add(server)
  const recorder = new Recorder(settings.limits, settings.errorMessages)
  // Before the first wait, so that nothing is missed meanwhile.
  recorder.start()
  let doorway: Doorway
  let door: LocalDoor | null
  let place: Place
  try {
    place = placeOf(settings)
    doorway = new Doorway({ ...settings, ...place }, recorder, loadParts(), {
      isServing: () => server.listening,
      applicationUrl() {
        const origin = originOf(server)
        return origin === null ? null : `${origin}/`
      },
      page: () => pageOf(server),
    })
    door = await doorway.openLocalDoor()
  } catch (error) {
    recorder.stop()
    mounted.delete(server)
    throw error
  }
  const ours = { isOurs: (request: { url?: string | undefined }) => isOurs(request.url) }
  const onRequest = doorway.request.bind(doorway)
  const shadows = [
    new Shadow(server, 'request', { ...ours, serve: onRequest, unclaimed: () => {} }),
    new Shadow(server, 'checkContinue', { ...ours, serve: onRequest }),
    new Shadow(server, 'checkExpectation', { ...ours, serve: onRequest }),
    new Shadow(server, 'upgrade', {
      ...ours,
      serve: doorway.upgrade.bind(doorway),
      unclaimed: handBack.bind(null, server),
    }),
  ]
  for (const shadow of shadows) shadow.start()
  await listensSoon(server)
  let isClosed = false
  return {
    get url() {
      return isClosed ? null : urlOf(server, place.token)
    },
    findings: () => (isClosed ? [] : doorway.findings()),
    async close() {
      if (isClosed) return
      isClosed = true
      for (const shadow of shadows) shadow.stop()
      mounted.delete(server)
      recorder.stop()
      door?.close()
      await doorway.close('the panel was closed')
    },
  }
}

/** How long the lookup of a host name may take. */
const LOOKUP_MS = 100

/**
 * A server that has just been told to listen gets its port, and so the panel its url, once its host is looked up. A
 * server that does not listen yet is not waited for longer. An `error` of the server stays the application's.
 */
async function listensSoon(server: MountableServer): Promise<void> {
  if (server.listening) return
  await new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer)
      server.removeListener('listening', done)
      resolve()
    }
    const timer = setTimeout(done, LOOKUP_MS)
    server.once('listening', done)
  })
}
