// Faults of real applications, one after the other: what the home of the panel says of each without a click, how long
// after the fact, and whether the server agrees (`npm run test:scenarios`). Ends with 1 where something is not said or
// is not so. `--only <words>` of a name, `--pictures <folder>`.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findChromium } from '../scripts/browser.js'
import { startPostgres } from '../scripts/postgres/server.js'
import { Application } from './scenarios/application-process.js'
import { freshDatabase } from './scenarios/fresh-database.js'
import { FAULTS } from './scenarios/faults/index.js'
import { untrue } from './scenarios/numbers.js'
import { Screen } from './scenarios/screen.js'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    pictures: { type: 'string' },
    seconds: { type: 'string', default: '6' },
  },
})
const chromium = await findChromium()
const server = await startPostgres()
const results = []
try {
  for (const fault of FAULTS)
    if (!flags.only || flags.only.split(',').some(word => fault.name.includes(word)))
      results.push(await tried(fault))
} finally {
  await server.stop()
}
for (const { fault, sentence, lateMs, problems } of results) {
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${fault.name}`)
  console.log(`       asked: ${fault.asks}`)
  console.log(
    `       said:  ${sentence ?? '(nothing)'}${lateMs === null ? '' : `  [${lateMs} ms, 0 clicks]`}`,
  )
  for (const problem of problems) console.log(`       ${problem}`)
}
const failed = results.filter(({ problems }) => problems.length > 0).length
console.log(`${results.length - failed} passed, ${failed} failed, 0 skipped`)
process.exit(failed > 0 || results.length === 0 ? 1 : 0)

async function tried(fault) {
  const database = await freshDatabase(server.url)
  const application = new Application({ fault: fault.name, url: database.url })
  const screen = await Screen.open(chromium)
  const problems = []
  let seen = null
  let lateMs = null
  try {
    await screen.show(await application.panel)
    const before = fault.isQuiet ? null : await screen.sees(fault.says, 0)
    if (before) problems.push(`was said before it happened: ${before.text}`)
    const [happened, watched] = await Promise.all([
      application.happens(),
      screen.sees(fault.says, Number(flags.seconds) * 1_000 + (fault.takesMs ?? 0)),
    ])
    seen = watched
    const truths = await fault.truth({ admin: database.admin, said: happened, seen })
    if (fault.isQuiet) {
      if (seen) problems.push(`nothing is wrong, and it says: ${seen.text}`)
    } else if (seen === null) {
      problems.push(`not said; on the screen: ${(await screen.text()).replace(/\s+/g, ' ').slice(0, 700)}`)
    } else {
      lateMs = seen.at - (happened.factAt ?? happened.at)
      for (const text of untrue(seen.text, truths)) problems.push(`not so, or not compared: ${text}`)
      if (fault.names && !fault.names.test(seen.around)) problems.push(`does not name ${fault.names.source}`)
    }
    if (flags.pictures) {
      await mkdir(flags.pictures, { recursive: true })
      for (const colorScheme of ['light', 'dark']) {
        await screen.page.emulateMedia({ colorScheme })
        await screen.picture(join(flags.pictures, `${fault.name.replaceAll(/\W+/g, '-')}-${colorScheme}.png`))
      }
    }
  } catch (error) {
    problems.push(String(error?.stack ?? error))
  } finally {
    await screen.close()
    application.end()
    await database.drop()
  }
  return { fault, sentence: seen?.text ?? null, lateMs, problems }
}
