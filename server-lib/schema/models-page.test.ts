import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, '.cache', `models-page-${process.pid}`)

/** The page's programs with their expected output; a block that begins with a file name is that file. */
async function programsOf(
  page: string,
): Promise<{ files: Map<string, string>; programs: { code: string; prints: string }[] }> {
  const text = await readFile(join(root, page), 'utf8')
  const files = new Map<string, string>()
  const programs: { code: string; prints: string }[] = []
  for (const [, language, block = ''] of text.matchAll(/```(ts|text)\n([^]*?)```/g)) {
    const name = /^\/\/ (\S+\.ts)\n/.exec(block)?.[1]
    if (language === 'text') programs.at(-1)!.prints = block
    else if (name !== undefined) files.set(name, block)
    else programs.push({ code: block, prints: '' })
  }
  return { files, programs }
}

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(`
    create table users (id serial primary key, name varchar(40), email text unique);
    create table orders (id serial primary key, user_id int not null references users);
    create table others (id int);
    insert into users (name, email) values ('Ann', 'ann@example.com'), ('Bob', null);
    insert into orders (user_id) values (1);
  `)
  await mkdir(folder, { recursive: true })
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

test('the programs of docs/schema-models.md compile, and print what the page says', async () => {
  const { files, programs } = await programsOf('docs/schema-models.md')
  expect(programs.length).toBeGreaterThanOrEqual(5)
  const local = (code: string) =>
    code
      .replaceAll(`'enginelight/schema'`, `'${join(root, 'server-lib/schema/index.ts')}'`)
      .replaceAll(`'./models.js'`, `'./models.ts'`)
  const given = `declare const engines: import('${join(root, 'server-lib/index.ts')}').Engines<{ main: import('${join(root, 'server-lib/index.ts')}').EngineDefinition<any, { connection: string }> }>\n`
  await Promise.all([
    ...[...files].map(([name, code]) => writeFile(join(folder, name), code)),
    ...programs.map(({ code }, at) =>
      writeFile(join(folder, `program-${at}.ts`), `${given}${local(code)}\nexport {}\n`),
    ),
    writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          noEmit: true,
          composite: false,
          rootDir: root,
          rewriteRelativeImportExtensions: false,
          noUnusedLocals: false,
        },
        include: ['*.ts'],
        references: [],
      }),
    ),
    symlink(join(root, 'node_modules'), join(folder, 'node_modules')).catch(() => {}),
  ])
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
  const engines = createEngines({ main: engine<any>()({ connection: database.url }) })
  Object.assign(globalThis, { engines })
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...parts) => void printed.push(parts.join(' ')))
  try {
    for (const [at, { prints }] of programs.entries()) {
      printed.length = 0
      await import(join(folder, `program-${at}.ts`))
      expect(printed.join('\n')).toBe(prints.trimEnd())
    }
  } finally {
    log.mockRestore()
    Reflect.deleteProperty(globalThis, 'engines')
    await engines.close()
  }
}, 60_000)
