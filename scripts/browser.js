// Finds a Chromium for the tests of the panel: what the environment names, Playwright's own, the system's, and
// only then installs one.
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, tool } from './shell.js'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']

/** The path of a Chromium that can be started. Throws with what was tried when there is none to be had. */
export async function findChromium() {
  const named = process.env.PLAYWRIGHT_CHROMIUM_PATH
  if (named) {
    if (existsSync(named)) return named
    throw new Error(`PLAYWRIGHT_CHROMIUM_PATH is ${named}, where there is nothing.`)
  }
  const found = (await playwrightsOwn()) ?? onPath()
  if (found) return found
  const tried = []
  const download = await tool('playwright', ['install', 'chromium'], { capture: true })
  const own = download.code === 0 ? await playwrightsOwn() : undefined
  if (own) return own
  tried.push(`playwright install chromium (exit code ${download.code})`)
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('Installing Chromium from the distribution …')
    await run('apt-get', ['update', '-qq'], { capture: true })
    const apt = await run('apt-get', ['install', '-y', '-qq', 'chromium'], {
      capture: true,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    })
    const system = onPath()
    if (system) return system
    tried.push(`apt-get install chromium (exit code ${apt.code})`)
  }
  throw new Error(
    `No Chromium was found or could be installed: ${tried.join(', ')}. Install one, or set PLAYWRIGHT_CHROMIUM_PATH.`,
  )
}

async function playwrightsOwn() {
  const { chromium } = await import('@playwright/test')
  const path = chromium.executablePath()
  return path && existsSync(path) ? path : undefined
}

function onPath() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // Not this one.
      }
    }
  }
  return undefined
}
