import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireNotOlder } from './installed-peer.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginelight-peer-'))
  await mkdir(join(folder, 'node_modules/@some/peer/dist'), { recursive: true })
  await writeFile(join(folder, 'node_modules/@some/peer/package.json'), '{"version":"0.57.2"}')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const resolved = () => join(folder, 'node_modules/@some/peer/dist/index.js')

test('a peer that is older than a door needs is refused in a sentence with both versions', () => {
  expect(() => requireNotOlder(resolved(), '@some/peer', '0.200', 'door()')).toThrow(
    expect.objectContaining({
      code: 'EL_MISSING_PEER',
      message:
        'door() needs @some/peer 0.200 or newer, and 0.57.2 is installed: npm install @some/peer@latest.',
    }),
  )
})

test.each(['0.57', '0.9', '0'])('one that is as new as %s is not', needed => {
  expect(() => requireNotOlder(resolved(), '@some/peer', needed, 'door()')).not.toThrow()
})

test('nor one whose version does not show', () => {
  expect(() => requireNotOlder('/app/dist/bundle.js', '@some/peer', '99', 'door()')).not.toThrow()
})
