import { tableFromIPC } from 'apache-arrow'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runScript } from '../../testing/child.ts'
import { createDatabase } from '../../testing/database.ts'
import { codeBlocks, compile, pageText, ROOT } from '../../testing/page.ts'

test('the code of docs/schema-arrow.md compiles and runs, one block after the other', async () => {
  const blocks = codeBlocks(await pageText('schema-arrow.md'))
  expect(blocks.length).toBe(5)
  const code = `process.chdir(process.env.FOLDER ?? '')\n${blocks.join('\n')}\nawait engines.close()\n`
  await using database = await createDatabase(`
    create table orders (id int, status text, total numeric(10, 2), placed_at timestamptz default now());
    insert into orders select g, 'paid', g from generate_series(1, 300) as g;
  `)
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-arrow-'))
  const script = await runScript(code, { FOLDER: folder, DATABASE_URL: database.url })
  const ended = await script.ended
  expect(script.output()).toBe(
    '200 Schema<{ 0: id: Int32, 1: total: Decimal[10e+2], 2: placed_at: Timestamp<MICROSECOND, UTC> }>\n',
  )
  expect(ended).toBe(0)
  expect(tableFromIPC(await readFile(join(folder, 'orders.arrows'))).numRows).toBe(300)
  const file = join(ROOT, `.cache/scripts/page-${process.pid}.mts`)
  await writeFile(file, code)
  expect(await compile([file])).toBe('')
  await rm(file)
  await rm(folder, { recursive: true })
}, 30_000)
