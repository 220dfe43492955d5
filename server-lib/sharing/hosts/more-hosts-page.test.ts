import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeBlocks, compile, onSources, pageText } from '../../testing/page.ts'
import { generatePrisma } from '../../testing/prisma-client.ts'

// What the page's programs do is tested host by host, beside each host's file.
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
  const blocks = codeBlocks(await pageText('borrowing-more-hosts.md'))
  expect(blocks).toHaveLength(4)
  const files = await Promise.all(
    blocks.map(async (code, at) => {
      const file = join(prisma.folder, `host${at}.ts`)
      await writeFile(file, onSources(code))
      return file
    }),
  )
  await writeFile(join(prisma.folder, 'package.json'), '{ "type": "module" }')
  expect(await compile(files, prisma.folder)).toBe('')
})
