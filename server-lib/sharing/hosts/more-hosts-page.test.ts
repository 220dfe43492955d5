import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generatePrisma } from '../../testing/prisma-client.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

// What they do is tried host by host, beside each door.
let prisma: Awaited<ReturnType<typeof generatePrisma>>

beforeAll(async () => {
  prisma = await generatePrisma(`
    model Note {
      id   Int    @id @default(autoincrement())
      body String
      @@map("notes")
    }`)
})
afterAll(() => prisma.remove())

test('the programs of docs/borrowing-more-hosts.md compile', async () => {
  const page = await readFile(join(ROOT, 'docs/borrowing-more-hosts.md'), 'utf8')
  const blocks = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code as string)
  expect(blocks).toHaveLength(4)
  const files = await Promise.all(
    blocks.map(async (code, at) => {
      const file = join(prisma.folder, `host${at}.ts`)
      const here = code
        .replace(/'enginelight\/sharing\/([\w-]+)'/, `'${ROOT}server-lib/sharing/hosts/$1.ts'`)
        .replace("'enginelight/sharing'", `'${ROOT}server-lib/sharing/index.ts'`)
      await writeFile(file, here)
      return file
    }),
  )
  await writeFile(join(prisma.folder, 'package.json'), '{ "type": "module" }')
  const options =
    '--noEmit --pretty false --strict --module nodenext --target esnext --types node --skipLibCheck --allowImportingTsExtensions'
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, ...options.split(' '), ...files], {
    cwd: prisma.folder,
  })
  const said = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
  expect(said).toBe('')
})
