import { createServer, type RequestListener, type Server } from 'node:http'
import type { Server as TcpServer } from 'node:net'
import { afterEach } from 'vitest'
import { panel, startPanel, type MountedPanel, type PanelOptions, type StartPanelOptions } from '../index.ts'

export interface OpenPanel extends MountedPanel {
  readonly url: string
  readonly port: number
  readonly origin: string
}

const open: { close(): Promise<unknown> | void }[] = []
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close()
})

/** A panel on a port of its own, until the test ends. */
export async function ownPanel(options: StartPanelOptions = {}): Promise<OpenPanel> {
  return opened(await startPanel({ enabled: true, port: 0, ...options }))
}

/** A panel on an application's server, until the test ends. */
export async function attachedPanel(server: Server, options: PanelOptions = {}): Promise<OpenPanel> {
  return opened(await panel({ enabled: true, ...options }).attach(server))
}

/** An application that listens on loopback, until the test ends. */
export async function application(listener?: RequestListener, host = '127.0.0.1'): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  open.push({
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
  return server
}

export function portOf(server: TcpServer): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

function opened(mounted: MountedPanel): OpenPanel {
  open.push(mounted)
  const { origin, port } = new URL(mounted.url ?? '')
  return Object.assign(mounted as OpenPanel, { origin, port: Number(port) })
}
