/** What the tests of bundles build and run: an application that says what became of it, in one line of JSON. */
const IMPORTS = {
  'node:http': ['createServer'],
  enginelight: ['createEngines', 'engine', 'EnginelightError'],
  'enginelight/channels': ['observe'],
  'enginelight/express': ['sessions'],
  'enginelight/panel': ['panel'],
  'enginelight/sharing': ['lend'],
} as const

const BODY = `
async function holdsTheOnlyConnection(db) {
  await db.main.query("select 'of the holder'")
}

async function main() {
  const seen = []
  const frames = []
  observe('enginelight:checkout', message => seen.push(message.phase))
  for (const name of ['checkout', 'statement'])
    observe('enginelight:' + name, ({ site }) => site && frames.push(site.frames[0]), { sites: true })
  const engines = createEngines({
    main: engine()({ connection: process.env.DATABASE_URL, pool: { max: 1 }, checkoutTimeoutMs: 300 }),
  })
  const told = await engines.run(async db => {
    await db.main.savepoint(() => db.main.raw('select 2'))
    await db.main.query('create temp table x (n int)')
    await db.main('x').insert({ n: 1 })
    const rows = (await db.main.knex('x')).length
    let streamed = 0
    for await (const row of db.main.stream('select 1 as one')) streamed += row.one
    return { rows, streamed }
  })
  let free
  const held = new Promise((resolve, reject) => {
    engines
      .scope(async holder => {
        await holdsTheOnlyConnection(holder)
        await new Promise(go => resolve((free = go)))
      })
      .catch(reject)
  })
  await held
  told.error = await engines
    .scope(waiting => waiting.main.query('select 1'))
    .catch(error => ({ code: error.code, isOurs: error instanceof EnginelightError, site: error.holders[0].site }))
  free()
  const server = createServer()
  const mounted = await panel({ engines, enabled: true }).attach(server)
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const page = await fetch(mounted.url ?? 'http://127.0.0.1:' + server.address().port + '/__enginelight/')
  told.page = [page.status, (await page.text()).includes('<script')]
  told.doors = [typeof sessions, typeof lend, seen.length > 0]
  await mounted.close()
  server.close()
  await engines.close()
  told.frames = [...new Set(frames)]
  return told
}
`

const RUN = `
main().then(
  told => console.log(JSON.stringify(told)),
  error => {
    console.error(error)
    process.exit(1)
  },
)
`

const entries = Object.entries(IMPORTS)

const imports = entries.map(([from, names]) => `import { ${names.join(', ')} } from '${from}'\n`).join('')
const requires = entries
  .map(([from, names]) => `const { ${names.join(', ')} } = require('${from}')\n`)
  .join('')

export const APP = {
  esm: imports + BODY + RUN,
  cjs: requires + BODY + RUN,
  /** In Jest it is a test, which leaves what it was told in a file. */
  jest: `${requires}${BODY}
test('runs', async () => require('node:fs').writeFileSync('told.json', JSON.stringify(await main())))`,
  /** In Next it is a route. */
  next: `${imports}${BODY}
export const dynamic = 'force-dynamic'
export const GET = async () => Response.json(await main())`,
}

/** What it says of itself where all is well. */
export const SOUND = {
  rows: 1,
  streamed: 1,
  page: [200, true],
  doors: ['function', 'function', true],
}
