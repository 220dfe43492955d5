/**
 * A process that outlives the one that started a server, and then ends the server and removes its folder. However the
 * other one ends, even killed, the pipe between them closes.
 */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** @type {string[]} */
const folders = []
/** The server, or the initdb before it; 0 while there is none. */
let running = 0

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdin.on('error', () => {})
for await (const line of createInterface({ input: process.stdin })) {
  const [what, value = ''] = JSON.parse(line)
  if (what === 'folder') folders.push(value)
  else running = Number(value)
}
if (running > 0 && signalled('SIGQUIT')) {
  for (let tries = 0; signalled(0) && tries < 200; tries++) await sleep(50)
  signalled('SIGKILL')
}
// An initdb that has lost its parent goes on writing for a moment.
for (let tries = 0; tries < 50; tries++) {
  const removing = folders.map(folder => rm(folder, { recursive: true, force: true }))
  if ((await Promise.allSettled(removing)).every(({ status }) => status === 'fulfilled')) break
  await sleep(200)
}

/** @param {NodeJS.Signals | 0} signal */
function signalled(signal) {
  try {
    return process.kill(running, signal)
  } catch {
    return false
  }
}
