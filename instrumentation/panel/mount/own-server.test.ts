import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Page, tokenOf } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'
import { closedOf, frame, upgradeText } from '../testing/raw.ts'

/** The sockets that keep this process alive. */
const sockets = () => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))

test('a panel on a port of its own, looked at by a page, is no reason for the process to stay', async () => {
  expect(sockets()).toEqual([])
  const mounted = await ownPanel()
  expect(sockets()).toEqual([])
  const page = await Page.open(mounted.url)
  await page.until(() => page.stats.length > 0)
  // The page's end of the socket, which is in this process too.
  expect(sockets()).toEqual(['TCPSocketWrap'])
  await page.close()
})

test('closing ends the pages that look on and frees the port at once', async () => {
  const mounted = await ownPanel()
  const page = await Page.open(mounted.url)
  await page.until(() => page.types.includes('snap'))
  const began = performance.now()
  await mounted.close()
  expect(performance.now() - began).toBeLessThan(1_000)
  expect((await page.closed).code).toBe(1001)
  expect(mounted.url).toBeNull()
  await ownPanel({ port: mounted.port })
})

test('closing does not wait for a page that does not answer the goodbye', async () => {
  const mounted = await ownPanel()
  const { host, origin } = new URL(mounted.url)
  const socket = connect(mounted.port, '127.0.0.1')
  const closed = closedOf(socket)
  socket.write(upgradeText([`Host: ${host}`, `Origin: ${origin}`]))
  await once(socket, 'data')
  socket.write(frame(JSON.stringify({ type: 'auth', token: tokenOf(mounted.url) })))
  await expect.poll(async () => String((await once(socket, 'data'))[0])).toContain('hello')
  const began = performance.now()
  await mounted.close()
  expect(performance.now() - began).toBeLessThan(2_500)
  await closed
})
