import { spawn } from 'node:child_process'
import type { PanelLine } from '../command-line.ts'
import { NoPanelError } from './no-panel.ts'
import { runningPanel } from './running.ts'
import { json } from './screen.ts'

type Line = Extract<PanelLine, { command: 'open' }>

/** Opens the page of the running panel in the browser, and prints its URL. Resolves to the exit code. */
export async function openPanel(line: Line, print: (text: string) => Promise<void>): Promise<number> {
  const { page, address, pid } = await runningPanel(line.pid)
  if (page === null)
    throw new NoPanelError(`The server of pid ${pid} does not listen, so its panel has no page.`)
  const url = `${page}#t=${address.token}`
  await print(`${line.json ? json({ url, pid }) : url}\n`)
  if (!line.onlyPrint && !line.json) open(url)
  return 0
}

/** By what the system opens URLs with. Where there is nothing of the kind, the URL that was printed is enough. */
function open(url: string): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(command!, [...args, url], { detached: true, stdio: 'ignore' })
  child.on('error', () => {})
  child.unref()
}

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
