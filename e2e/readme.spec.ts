import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { readBoard } from './board.ts'
import { expect, openPanel, project, test } from './fixtures.ts'

const exec = promisify(execFile)

/** The blocks of code of one language in a page of the manual. */
async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = await readFile(join(import.meta.dirname, '..', page), 'utf8')
  const blocks = [...text.matchAll(/```(\w+)\n([^]*?)```/g)].filter(([, kind]) => kind === language)
  return blocks.map(([, , code]) => code as string)
}

async function codeOf(language: string, containing: string): Promise<string> {
  return (await blocksOf('README.md', language)).find(code => code.includes(containing)) as string
}

/** Compiles modules in the user's project, each by itself, and returns what the compiler says. */
async function compile(...modules: string[]): Promise<string> {
  const names = modules.map((_, number) => `manual-${number}.ts`)
  const written = names.map((name, number) =>
    writeFile(join(project(), name), `${modules[number]}\nexport {}\n`),
  )
  await Promise.all(written)
  const options = '--noEmit --pretty false --strict --module nodenext --target es2023 --types node'
  const tsc = join(project(), 'node_modules/typescript/bin/tsc')
  const run = exec(process.execPath, [tsc, ...options.split(' '), ...names], { cwd: project() })
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error)
  return stdout + stderr
}

test("the README's five minutes, walked: plain knex in an Express application is seen with its pid and its line", async ({
  page,
  shop,
}) => {
  const code = await codeOf('js', 'app.listen(3000)')
  expect(code.split('\n').filter(line => /\/\/ +[123]$/.test(line))).toHaveLength(3)
  await writeFile(join(project(), 'existing-app.js'), code.replace('app.listen(3000)', 'app.listen(0)'))
  const app = spawn(process.execPath, ['existing-app.js'], {
    cwd: project(),
    env: { ...process.env, NODE_ENV: 'development', DATABASE_URL: shop.databases.shop },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(createInterface({ input: app.stdout }), 'line')) as [string]
    const url = /http\S+/.exec(line)?.[0] as string
    const rows = (await (await fetch(new URL('/orders?token=hunter2', url))).json()) as unknown[]
    expect(rows).toHaveLength(20)
    await openPanel(page, url)
    const backends = await shop.admin(
      `select pid from pg_stat_activity where datname = 'shop' and application_name = '' and usename = 'postgres'`,
    )
    expect(backends).toHaveLength(1)
    const pid = Number(backends[0]?.pid)
    await expect.poll(async () => (await readBoard(page)).map(lane => lane.pid)).toEqual([pid])
    await page.keyboard.press('2')
    await page.getByRole('link', { name: /GET \/orders/ }).click()
    const at = code.split('\n').findIndex(text => text.includes(`knex('orders')`)) + 1
    await expect(page.locator('[data-statement]')).toContainText(`existing-app.js:${at}`)
    await expect(page.getByRole('region', { name: 'Engines of this request' })).toContainText(String(pid))
    expect(await page.content()).not.toContain('hunter2')
  } finally {
    app.kill()
    await once(app, 'exit')
  }
})

test("the README's sessions compile as they stand, and what it says does not compile does not", async () => {
  const parts = [await codeOf('ts', 'interface Register'), await codeOf('ts', 'transactional: true')]
  const code = `import express from 'express'\nconst app = express()\n${parts.join('\n')}`
  expect(await compile(code)).toBe('')
  const wrong = await compile(`${code}
    app.get('/', req => {
      req.db.nope
      req.db.logger.nope
      req.db.writer('nope')
      req.db.reader('groups').insert({ name: 'x' })
    })
  `)
  expect(wrong.match(/error TS/g)).toHaveLength(4)
})

test('every block of TypeScript in the manuals compiles', async () => {
  const given = `
    declare const server: import('node:http').Server
    declare const app: import('express').Express
    declare const engines: import('enginelight').Engines<import('enginelight').Definitions>
  `
  const blocks = (
    await Promise.all(
      ['docs/panel.md', 'docs/request-transactions.md', 'docs/two-phase.md', 'server-lib/channels.md'].map(
        page => blocksOf(page, 'ts'),
      ),
    )
  ).flat()
  expect(blocks.length).toBeGreaterThanOrEqual(10)
  expect(await compile(...blocks.map(block => given + block))).toBe('')
})

test('every block of the page on commits compiles, after the engines that its first one makes', async () => {
  const [given, ...blocks] = await blocksOf('docs/commit.md', 'ts')
  expect(blocks.length).toBeGreaterThanOrEqual(5)
  expect(await compile(...blocks.map(block => `${given}\n${block}`))).toBe('')
})
