// Recovers without a pause, and deletes old decisions, until it is told to stop or is killed.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { engines } from './engines.js'
import { KEEP_DECISIONS_MS } from './limits.js'

const { observe } = await import(pathToFileURL(join(process.env.CRASH_BUILD, 'channels/index.js')).href)
process.on('warning', () => {})
observe('enginelight:commit', ({ phase, outcome }) => {
  if (phase === 'recovered')
    appendFileSync(process.env.CRASH_RECOVERED, `${JSON.stringify({ recovered: outcome })}\n`)
})
const recovery = engines.recovery({ everyMs: 50, olderThanMs: 0, keepDecisionsMs: KEEP_DECISIONS_MS })
process.once('message', () => {
  void recovery
    .stop()
    .then(() => engines.close({ graceMs: 2_000 }))
    .then(() => process.disconnect())
})
