import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, project, test } from './fixtures.ts'

/** An application without a database to speak of: its panel is empty, and it comes and goes on one port. */
const APP = `
import { createServer } from 'node:http'
import { createEngines, engine } from 'enginelight'
import { sessions } from 'enginelight/node'
import { panel } from 'enginelight/panel'
const engines = createEngines({ main: engine()({ connection: 'postgres://u@127.0.0.1:1/x', pool: { max: 2 } }) })
const server = createServer(sessions(engines, (req, res) => res.end('ok')))
server.listen(Number(process.argv[2]), '127.0.0.1', async () => {
  const { url } = await panel({ engines, enabled: true, token: 'a-token-that-outlives-the-process' }).attach(server)
  console.log(url)
})
`

async function start(port: number): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(project(), 'app.mjs'), String(port)], {
    cwd: project(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [url] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [
    string,
  ]
  return {
    url,
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('an empty panel says what to do; a lost connection says so and recovers by itself', async ({ page }) => {
  await writeFile(join(project(), 'app.mjs'), APP)
  const first = await start(0)
  await page.goto(first.url)
  await expect(page.getByText('live', { exact: true })).toBeVisible()
  await page.keyboard.press('2')
  await expect(page.getByText(/waiting for the first request/i)).toBeVisible()
  await first.stop()
  await expect(page.getByText(/connection lost|lost/i).first()).toBeVisible()
  const second = await start(Number(new URL(first.url).port))
  await expect(page.getByText('live', { exact: true })).toBeVisible({ timeout: 20_000 })
  await fetch(new URL('/after-the-restart', second.url))
  await expect(page.getByText('GET /after-the-restart').first()).toBeVisible()
  await second.stop()
})
