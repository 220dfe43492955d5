import { tracing } from '@opentelemetry/sdk-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../server-lib/testing/database.ts'
import { listen } from '../server-lib/testing/story.ts'
import { EnginelightInstrumentation } from './otel/index.ts'
import { Page } from './panel/testing/page.ts'
import { ownPanel } from './panel/testing/panels.ts'

let database: TestDatabase
beforeAll(
  async () =>
    void (database = await createDatabase(`
      create role app_user login password 'pw-Secret0';
      create table people (id serial primary key, email text unique, age int, note varchar(20));
      grant all on all tables in schema public to app_user;
      grant all on all sequences in schema public to app_user;
      insert into people (email) values ('taken-Secret1@example.com');
    `)),
)
afterAll(async () => {
  await database.admin('drop owned by app_user')
  await database.admin('drop role app_user')
  await database.drop()
})

/** Everything that a user may have typed or an operator configured, each in a place of its own. */
const SECRETS = [
  'Secret0',
  'Secret1',
  'Secret2',
  'Secret3',
  'Secret4',
  'Secret5',
  'Secret6',
  'Secret7',
  'Secret8',
]

/** The same text in the ways that it could hide in. */
const disguises = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
  secret
    .split('')
    .map(letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join(''),
  secret.split('').toReversed().join(''),
]

test('nothing that was planted as a secret is in the socket, a span, our errors or a warning', async () => {
  const exporter = new tracing.InMemorySpanExporter()
  const otel = new EnginelightInstrumentation()
  otel.setTracerProvider(
    new tracing.BasicTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] }),
  )
  otel.enable()
  const warnings: string[] = []
  const onWarning = (warning: Error) => void warnings.push(String(warning.stack))
  process.on('warning', onWarning)
  const { messages, stop } = listen()

  const url = database.url.replace('postgres:postgres@', 'app_user:pw-Secret0@')
  const engines = createEngines({
    main: engine()({ connection: url, pool: { max: 1 }, checkoutTimeoutMs: 60 }),
  })
  const wrong = createEngines({ wrong: engine()({ connection: url.replace('pw-Secret0', 'pw-Secret2') }) })
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)

  const ours: unknown[] = []
  const keep = (error: unknown) => void ours.push(error)
  await wrong.warmup().catch(keep)
  const db = engines.open({ label: 'signup' })
  // Parameters, literals, comments, and values that PostgreSQL repeats in its own messages.
  await db
    .main('people')
    .insert({ email: 'taken-Secret1@example.com' })
    .catch(() => {})
  await db.main.query('select 1').catch(keep)
  await db.main.commit().catch(keep)
  await db.main.query(`select * from people where email = 'x-Secret3@example.com' /* Secret4 */`)
  await db.main.query('select $1::int', ['Secret5']).catch(() => {})
  await db.main.commit().catch(keep)
  await db.main.query(`insert into people (note) values ('Secret6 is far too long for it')`).catch(() => {})
  await db.main.rollback()
  await db.main.query(`do $$ begin raise exception 'no access for Secret7'; end $$`).catch(() => {})
  await db.main.query('select 1').catch(keep)
  await db.main.rollback()
  await db.main.raw('select ? as note', ['Secret8'])
  const waiter = engines.open({ label: 'waiter' })
  await waiter.main.query('select 1').catch(keep)
  await waiter.end()
  await db.end()

  await page.until(() => page.messages.some(({ type }) => type === 'ev'))
  await new Promise(resolve => setTimeout(resolve, 200))
  stop()
  otel.disable()
  process.off('warning', onWarning)

  const told = {
    socket: JSON.stringify(page.messages),
    spans: JSON.stringify(
      exporter
        .getFinishedSpans()
        .map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    ),
    // A message holds the text of a statement as it was sent; everything else in it is ours.
    messages: JSON.stringify(
      messages.map(message => ('text' in message ? { ...message, text: '' } : message)),
    ),
    errors: ours.map(error => `${(error as Error).message} ${JSON.stringify(error)}`).join('\n'),
    warnings: warnings.join('\n'),
    reports: JSON.stringify(engines.get().description),
  }
  expect(ours.length).toBeGreaterThanOrEqual(6)
  expect(told.socket).toContain('select * from people where email = ?')
  expect(told.spans).toContain('select * from people where email = ?')
  for (const [where, text] of Object.entries(told)) {
    const found = SECRETS.flatMap(disguises).filter(disguise => text.includes(disguise))
    expect(found, where).toEqual([])
  }
  await page.close()
  await engines.close()
  await wrong.close()
})
