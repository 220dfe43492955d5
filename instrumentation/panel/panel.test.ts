import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { panel, startPanel, type MountedPanel } from './index.ts'
import { Page } from './testing/page.ts'
import { Speaker } from './testing/messages.ts'

const open: { close(): Promise<unknown> | void }[] = []
afterEach(async () => {
  for (const it of open.splice(0).reverse()) await it.close()
})

async function mountedPanel(): Promise<MountedPanel & { url: string }> {
  const mounted = await startPanel({ enabled: true })
  open.push(mounted)
  return mounted as MountedPanel & { url: string }
}

async function listening(server: Server): Promise<Server> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  })
  return server
}

test('what happens on the channels arrives at a page as rows, with their texts before them', async () => {
  const { url } = await mountedPanel()
  const page = await Page.open(url)
  const speaker = new Speaker()
  speaker.declare()
  speaker.connect('c1', 0)
  speaker.request('u1', 'POST /orders?token=secret')
  speaker.ask('k1', 'u1')
  speaker.acquire('k1', 'c1')
  speaker.statement('q1', 'c1', 'u1', "select * from orders where name = 'Ada'", 0)
  await page.untilSeq(6)
  expect(page.types.slice(0, 3)).toEqual(['hello', 'snap', 'dict'])
  expect(page.state.open()).toMatchObject({
    connections: { c1: { slot: 0, uses: 1, heldBy: 'k1' } },
    requests: { u1: { label: 'POST /orders' } },
    checkouts: { k1: { request: 'u1', connection: 'c1', site: 'src/orders.ts:41' } },
    statements: { q1: { text: 'select * from orders where name = ?' } },
  })
  await page.close()
})

test('an attached panel leaves the application its own requests', async () => {
  const server = await listening(createServer((_request, response) => response.end('app')))
  const mounted = await panel({ enabled: true }).attach(server)
  open.push(mounted)
  const { origin } = new URL(mounted.url ?? '')
  expect(await (await fetch(`${origin}/orders`)).text()).toBe('app')
  expect((await fetch(`${origin}/__enginelight/nothing-here`)).status).toBeOneOf([404, 503])
  const page = await Page.open(mounted.url ?? '')
  await page.until(() => page.types.includes('snap'))
  await page.close()
})
