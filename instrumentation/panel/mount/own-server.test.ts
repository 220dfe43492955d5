import { expect, test } from 'vitest'
import { Page } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'

test('a panel on a port of its own, looked at by a page, is no reason for the process to stay', async () => {
  const before = process.getActiveResourcesInfo().toSorted()
  const mounted = await ownPanel()
  expect(process.getActiveResourcesInfo().toSorted()).toEqual(before)
  const page = await Page.open(mounted.url)
  await page.until(() => page.stats.length > 0)
  // The page's own end of the socket, which is in this process too.
  const ofPage = process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap')
  expect(ofPage.length).toBe(before.filter(name => name === 'TCPSocketWrap').length + 1)
  await page.close()
})
