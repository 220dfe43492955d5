import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test as base, expect, type Page } from '@playwright/test'
import pg from 'pg'

export { expect }

/** The project in which the packed package is installed. */
export const project = (): string => process.env.ENGINELIGHT_E2E_PROJECT as string

/** The shop, started from the packed package, without customers of its own. */
export interface RunningShop {
  app: string
  panel: string
  databases: { shop: string; logs: string; warehouse: string }
  process: ChildProcess
  /** Runs on a connection of the administrator in the shop's database. */
  admin(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

interface Fixtures {
  shop: RunningShop
}

export const test = base.extend<object, Fixtures>({
  shop: [
    async ({}, use) => {
      // Its panel lists the processes of its project: not the other worker's shop.
      const state = await mkdtemp(join(tmpdir(), 'enginelight-state-'))
      const child = spawn(
        process.execPath,
        [
          join(project(), 'examples/shop/main.js'),
          '--json',
          '--port',
          '0',
          '--traffic',
          'off',
          '--pool',
          '2',
        ],
        {
          cwd: project(),
          env: { ...process.env, XDG_STATE_HOME: state },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      const [line] = (await once(
        createInterface({ input: child.stdout as NodeJS.ReadableStream }),
        'line',
      )) as [string]
      const urls = JSON.parse(line) as Omit<RunningShop, 'process' | 'admin'>
      const eye = new pg.Client({ connectionString: urls.databases.shop, application_name: 'administrator' })
      await eye.connect()
      await use({
        ...urls,
        process: child,
        admin: async (text, values = []) => (await eye.query(text, values)).rows,
      })
      await eye.end()
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'exit')
      await rm(state, { recursive: true, force: true })
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

/** Opens the panel and waits until it is live: before that its page knows no keys. */
export async function openPanel(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await expect(page.getByText('live', { exact: true })).toBeVisible()
}
