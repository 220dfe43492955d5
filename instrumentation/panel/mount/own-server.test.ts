import { expect, test } from 'vitest'
import { Page } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'

/** The sockets that keep this process alive. */
const sockets = () => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))

test('a panel on a port of its own, looked at by a page, is no reason for the process to stay', async () => {
  expect(sockets()).toEqual([])
  const mounted = await ownPanel()
  expect(sockets()).toEqual([])
  const page = await Page.open(mounted.url)
  await page.until(() => page.stats.length > 0)
  // The page's own end of the socket, which is in this process too.
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
