import diagnosticsChannel from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { channels, observe } from './channels.ts'
import { engineReports } from './engine-reports.ts'
import { DISCARDS, type Discard } from './words.ts'
import type { Site } from '../identity/site.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { listen } from '../testing/story.ts'
import { stall } from '../testing/stall.ts'

const text = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')
const manual = text('../channels.md')
const source = ['channels.ts', 'messages.ts', 'commit-messages.ts'].map(text).join('\n')

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterAll(() => database.drop())

/** Blocks longer than a heartbeat's period and its tolerance. */
const stallLoop = () => stall(400)

/** The phases and fields of each channel, from the tables of the manual. */
function documented(): Record<string, Record<string, string[]>> {
  const found: Record<string, Record<string, string[]>> = {}
  for (const section of manual.split(/^## (?=enginelight:)/m).slice(1)) {
    const name = section.split('\n', 1)[0] as string
    const rows = [...section.matchAll(/^\| `([^`|]+)`\s*\|[^|]+\|([^|]+)\|$/gm)]
    found[name] = Object.fromEntries(
      rows.map(row => [
        row[1] as string,
        [...(row[2] as string).matchAll(/`(\w+)`/g)].map(field => field[1] as string).toSorted(),
      ]),
    )
  }
  return found
}

/** The same from the types: each member of a channel's union with its `phase` words and its fields. */
function declared(): Record<string, Record<string, string[]>> {
  const found: Record<string, Record<string, string[]>> = {}
  const map = [...source.matchAll(/'(enginelight:\w+)': (\w+)\n/g)]
  for (const [, name, type] of map) {
    const body = new RegExp(`export type ${type} =([^]*?)(?=\\n\\n)`).exec(source)?.[1] ?? ''
    const phases: Record<string, string[]> = {}
    for (const member of body
      .replace(/\/\*\*[^]*?\*\//g, '')
      .split(/(?:\||^)\s*\{/)
      .slice(1)) {
      const words = [...(/phase: ([^;\n]+)/.exec(member)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
        word => word[1] as string,
      )
      const fields = [...member.matchAll(/(?:^|[;{\n])\s*(\w+)\??:/g)]
        .map(field => field[1] as string)
        .filter(field => field !== 'phase')
      for (const word of words) phases[word] = fields.toSorted()
    }
    found[name as string] = phases
  }
  return found
}

test('the manual and the types tell of the same channels, phases and fields', () => {
  expect(Object.keys(declared())).toHaveLength(Object.keys(channels).length)
  expect(documented()).toEqual(declared())
})

test('the manual says of each word why a connection is closed', () => {
  const section = manual.split('## Why a connection is closed\n')[1] ?? ''
  const rows = [...section.matchAll(/^\| `([^`]+)` +\| \S/gm)]
  expect(rows.map(([, word]) => word)).toEqual(DISCARDS)
  // @ts-expect-error: a reason that is neither one of the words nor a code
  'it was old' satisfies Discard
  '57P01' satisfies Discard
})

test('a real unit of work publishes messages with exactly the documented fields', async () => {
  const { messages, stop } = listen()
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  await engines.scope(async db => {
    await db.main('t').insert({ id: 1 })
    await db.main.savepoint(() => db.main('t').insert({ id: 2 }))
    await db.commit()
    stallLoop()
    await expect.poll(() => messages.at(-1)?.channel).toBe('enginelight:process')
  })
  await engines.close()
  stop()
  const manualOf = documented()
  expect(new Set(messages.map(({ channel }) => channel)).size).toBe(Object.keys(channels).length)
  for (const { channel, phase, ...fields } of messages) {
    expect(Object.keys(fields).toSorted(), `${channel} ${phase}`).toEqual(manualOf[channel]?.[phase])
    // Nothing is live, and nothing is lost on the way to another process.
    expect(JSON.parse(JSON.stringify(fields))).toEqual(fields)
  }
})

test('an observer that throws changes nothing for the application, nor for the observer after it', async () => {
  const warnings: Error[] = []
  const uncaught: unknown[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  const onUncaught = (error: unknown) => void uncaught.push(error)
  process.on('warning', onWarning)
  process.on('uncaughtException', onUncaught)
  const bad = () => {
    throw new Error('observer')
  }
  const names = Object.values(channels).map(({ name }) => name)
  for (const name of names) diagnosticsChannel.subscribe(name, bad)
  const { messages, stop } = listen()

  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const rows = await engines.scope(async db => {
    const { rows: read } = await db.main.query('select 1 as one')
    await db.commit()
    return read
  })
  stallLoop()
  await new Promise(resolve => setTimeout(resolve, 300))
  await engines.close()

  for (const name of names) diagnosticsChannel.unsubscribe(name, bad)
  stop()
  await new Promise(resolve => setTimeout(resolve, 20))
  process.off('warning', onWarning)
  process.off('uncaughtException', onUncaught)
  expect(rows).toEqual([{ one: 1 }])
  expect(uncaught).toEqual([])
  expect(messages.length).toBeGreaterThan(10)
  // Reported, but not for each message.
  const reported = warnings.filter(warning => (warning as { code?: string }).code === 'EL_OBSERVER_THREW')
  expect(reported.length).toBeGreaterThanOrEqual(names.length)
  expect(reported.length).toBeLessThan(messages.length)
})

test('an observer that stops hears nothing more, and a channel without observers builds nothing', () => {
  const heard: unknown[] = []
  const stop = observe('enginelight:request', message => void heard.push(message))
  expect(channels.request.hasSubscribers).toBe(true)
  stop()
  expect(channels.request.hasSubscribers).toBe(false)
  channels.request.publish({
    phase: 'end',
    at: 0,
    id: 'u0',
    outcome: 'finished',
    status: null,
    unreleased: [],
  })
  expect(heard).toEqual([])
})

test('lines are told while an observer asks for sites', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const { knex } = engines.get('main')
  const told: string[] = []
  const note = (message: { phase: string; site?: Site | string | null }) => {
    if (message.phase === 'start')
      told.push((message.site as Site | null)?.label.replace(/:\d+$/, '') ?? 'no line')
  }
  const run = async () => {
    told.length = 0
    await engines.scope(async db => {
      await db.main('t').select()
      await db.main('t').select()
    })
    const inSession = told.splice(0)
    await knex('t').select()
    return [inSession, told.splice(0)]
  }
  const here = 'server-lib/channels/channels.test.ts'
  const stops = (['checkout', 'statement', 'transaction'] as const).map(name =>
    observe(`enginelight:${name}`, note),
  )
  const unasked = await run()
  // Two observers want lines: they are included until the last one has stopped.
  const [one, other] = [1, 2].map(() => observe('enginelight:process', () => {}, { sites: true }))
  one?.()
  one?.()
  const asked = await run()
  other?.()
  const unaskedAgain = await run()
  stops.forEach(stop => stop())
  await engines.close()
  // A session: check-out, BEGIN with a pipelined statement, its transaction, another statement, ROLLBACK.
  const without = [
    ['no line', 'no line', 'no line', 'no line', 'no line', 'no line'],
    ['no line', 'no line'],
  ]
  expect(unasked).toEqual(without)
  expect(asked).toEqual([
    [here, here, here, here, here, expect.anything()],
    [here, here],
  ])
  expect(unaskedAgain).toEqual(without)
})

test('a start is published in the context of the caller, a queued statement included', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const store = new AsyncLocalStorage<string>()
  const seen: string[] = []
  const stop = observe(
    'enginelight:checkout',
    message => void (message.phase === 'start' && seen.push(`checkout ${store.getStore()}`)),
  )
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  await Promise.all(
    ['a', 'b', 'c'].map(name => store.run(name, () => engines.scope(db => db.main.query('select 1')))),
  )
  expect(seen.toSorted()).toEqual(['checkout a', 'checkout b', 'checkout c'])
  const db = engines.open()
  const send = (name: string) => store.run(name, () => db.main.query(`select '${name}'`))
  await Promise.all([send('a'), store.run('commit', () => db.main.commit()), send('behind a commit')])
  await db.rollback()
  stop()
  expect(seen.slice(3)).toEqual(['checkout a', 'checkout behind a commit'])
  const sent: string[] = []
  const stopStatements = observe('enginelight:statement', message => {
    if (message.phase === 'start') sent.push(`${message.text} ${store.getStore()}`)
  })
  // In one session, where each but the first waits in the queue.
  await Promise.all([
    ...['a', 'b'].map(send),
    store.run('savepoint', () => db.main.savepoint(() => Promise.all(['c', 'd'].map(send)))),
    store.run('commit', () => db.main.commit()).catch(() => {}),
  ])
  await Promise.all([send('e'), store.run('commit', () => db.main.commit())])
  stopStatements()
  await db.end()
  await engines.close()
  expect(sent.filter(text => text.startsWith('select'))).toEqual(
    ['a', 'b', 'c', 'd', 'e'].map(name => `select '${name}' ${name}`),
  )
  expect(sent.filter(text => /^(SAVEPOINT|RELEASE)/.test(text))).toEqual([
    expect.stringMatching(/ savepoint$/),
    expect.stringMatching(/ savepoint$/),
  ])
  expect(sent.at(-1)).toBe('COMMIT commit')
})

test('a late observer learns the present state from the reports, which agree with the server', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 2 } }) })
  const db = engines.open({ label: 'holder' })
  await db.main.query('select 1')
  const report = engineReports().find(({ description }) => description.database === database.name)
  const [backend] = await database.backends()
  expect(report).toMatchObject({
    description: { engine: 'main', pool: 'main#1', max: 2 },
    used: 1,
    idle: 0,
    connections: [
      {
        slot: 0,
        backendPid: backend?.pid,
        status: 'T',
        holder: {
          session: expect.stringMatching(/^s/),
          site: { label: expect.stringMatching(/channels\.test\.ts:\d+/) },
        },
      },
    ],
    waiters: [],
  })
  await db.end()
  await engines.close()
  expect(engineReports().some(({ description }) => description.database === database.name)).toBe(false)
})

test('with nobody listening no message is built: nothing is published at all', async () => {
  const spies = Object.values(channels).map(channel => vi.spyOn(channel, 'publish'))
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  await engines.scope(async db => {
    await db.main('t').insert({ id: 1 })
    await db.main.raw('select nope').catch(() => {})
    await db.main.rollback()
  })
  await engines.get('main').knex('t').select()
  await engines.close()
  expect(spies.map(spy => spy.mock.calls.length)).toEqual(spies.map(() => 0))
  for (const spy of spies) spy.mockRestore()
})
