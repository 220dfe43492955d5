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
  await using engines = createEngines({
    main: engine()({ connection: url, pool: { max: 1 }, checkoutTimeoutMs: 500 }),
  })
  await using wrong = createEngines({
    wrong: engine()({ connection: url.replace('pw-Secret0', 'pw-Secret2') }),
  })
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

/** Where PostgreSQL, or we, repeat what was planted: statement, values, secret. */
const QUOTED: Record<string, [text: string, values: unknown[], secret: string]> = {
  'to_tsquery of a search box (42601)': ['select to_tsquery($1)', ['SECRETa SECRETa'], 'SECRETa'],
  '::regclass (42P01)': ['select $1::regclass', ['secretb'], 'secretb'],
  '::regtype (42704)': ['select $1::regtype', ['secretc'], 'secretc'],
  '::regproc (42883)': ['select $1::regproc', ['secretd'], 'secretd'],
  'pg_read_file (58P01)': ['select pg_read_file($1)', ['SECRETe'], 'SECRETe'],
  'set_config (42704)': ["select set_config($1, 'x', true)", ['SECRETf'], 'SECRETf'],
  'pg_has_role (42704)': ["select pg_has_role($1, 'member')", ['SECRETg'], 'SECRETg'],
  'query_to_xml (42601)': ["select query_to_xml($1, true, true, '')", ["select 'a' 'SECRETh'"], 'SECRETh'],
  'nextval (42P01)': ['select nextval($1)', ['secreti'], 'secreti'],
  'has_database_privilege (3D000)': ["select has_database_privilege($1, 'connect')", ['SECRETj'], 'SECRETj'],
  'regular expression (2201B)': ["select 'a' ~ $1", ['SECRETk('], 'SECRETk'],
  'jsonpath (42601)': ["select jsonb_path_query('{}', $1::text::jsonpath)", ['$.SECRETl !'], 'SECRETl'],
  'raise using': [
    "do $$ begin raise 'SECRETm' using errcode = '23505', table = 'SECRETm', column = 'SECRETm', constraint = 'SECRETm'; end $$",
    [],
    'SECRETm',
  ],
  'literals side by side': ["select * from x where a = 'b' 'SECRETn'", [], 'SECRETn'],
  'an unterminated literal': ["select * from x where a = 'SECRETo and more", [], 'SECRETo'],
  'an unterminated dollar quote': ['select $$SECRETp and more', [], 'SECRETp'],
  'a password in double quotes': ['alter role postgres password "SECRETq"', [], 'SECRETq'],
  'a password in no quotes': ['create user nobody password SECRETr!', [], 'SECRETr'],
  'a setting': ['set app.none to "SECRETs", 1, "SECRETs" x', [], 'SECRETs'],
  dblink: ["select * from dblink('host=db password=SECRETt') as t(a int)", [], 'SECRETt'],
  'a subscription': [
    "create subscription s connection 'host=/no password=SECRETu' publication p",
    [],
    'SECRETu',
  ],
  'a user mapping': [
    "create user mapping for postgres server none options (user 'x', password 'SECRETv')",
    [],
    'SECRETv',
  ],
  'copy from a program': ["copy people from program 'exit 1 # SECRETw'", [], 'SECRETw'],
  'escapes of all kinds': ["select E'\\x53SECRETx', U&'\\0053SECRETx', $a$SECRETx$a$ from", [], 'SECRETx'],
}

test('a value that PostgreSQL quotes in a message of whatever class is in no socket, span, sentence or warning', async () => {
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
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 2 } }) })
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)

  const sentences: string[] = []
  const keep = (error: Error) => void sentences.push(`${error.message} ${JSON.stringify(error)}`)
  for (const [text, values] of Object.values(QUOTED)) {
    const db = engines.open()
    let failure: unknown
    await (values.length > 0 ? db.main.query(text, values) : db.main.raw(text)).catch(
      error => (failure = error),
    )
    expect(failure, text).toBeInstanceOf(Error)
    await db.main.query('select 1').catch(keep)
    db.afterRollback(() => Promise.reject(failure as Error))
    db.doom(failure as Error)
    await db.commit().catch(keep)
    await db.end()
    await engines.run(inner => inner.main.query(text, values)).catch(() => {})
  }
  await page.until(() => page.messages.some(({ type }) => type === 'ev'))
  await new Promise(resolve => setTimeout(resolve, 200))
  stop()
  otel.disable()
  process.off('warning', onWarning)

  const count = Object.keys(QUOTED).length
  expect(sentences.length).toBe(2 * count)
  expect(
    warnings.filter(warning => warning.includes('EL_HOOK_FAILED') || warning.includes('A hook')).length,
  ).toBe(count)
  const told = {
    socket: JSON.stringify(page.messages),
    spans: JSON.stringify(
      exporter
        .getFinishedSpans()
        .map(({ name, attributes, events, status }) => [name, attributes, events, status]),
    ),
    messages: JSON.stringify(messages.map(one => ('text' in one ? { ...one, text: '' } : one))),
    sentences: sentences.join('\n'),
    warnings: warnings.join('\n'),
  }
  for (const [name, [, , secret]] of Object.entries(QUOTED))
    for (const [where, text] of Object.entries(told))
      expect(text.includes(secret), `${name}: ${where}`).toBe(false)
  // What is told instead.
  for (const text of [told.socket, told.sentences, told.warnings]) expect(text).toContain('undefined_table')
  await page.close()
  await engines.close()
})

test('the messages are shown where panel and spans are told to show them', async () => {
  const exporter = new tracing.InMemorySpanExporter()
  const otel = new EnginelightInstrumentation({ errorMessages: true })
  otel.setTracerProvider(
    new tracing.BasicTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] }),
  )
  otel.enable()
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const panel = await ownPanel({ engines, errorMessages: true })
  const page = await Page.open(panel.url)
  await engines.scope(db => db.main.query('select $1::regclass', ['no_such_table'])).catch(() => {})
  await page.until(() => JSON.stringify(page.messages).includes('no_such_table'))
  otel.disable()
  expect(JSON.stringify(exporter.getFinishedSpans().map(({ status }) => status))).toContain('no_such_table')
  await page.close()
  await engines.close()
})
