import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../server-lib/testing/database.ts'
import { compile, compiled, run } from './testing/children.ts'
import { drawSpans, type DrawnSpan } from './testing/draw-spans.ts'
import { startReceiver } from './testing/otlp-client.ts'

const register = ['--import', pathToFileURL(compiled('register.js')).href]
const app = compiled('testing/scripted-app.js')
let receiver: Awaited<ReturnType<typeof startReceiver>>

beforeAll(compile, 60_000)
beforeEach(async () => {
  receiver = await startReceiver(compiled('testing/otlp-receiver.js'))
})
afterEach(() => receiver.stop())

function start(
  how: string,
  { flags = register, env = {} }: { flags?: string[]; env?: Record<string, string> } = {},
) {
  return run(app, {
    flags,
    args: [how],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_SERVICE_NAME: 'shop', ...env },
  })
}

const drawn = async () => drawSpans(await receiver.spans(), ['enginelight.abandoned'])

const REAL_TRACES = `CLIENT select text=select ?
SERVER POST /orders
  INTERNAL enginelight.request label=scope
    INTERNAL enginelight.session reader
      INTERNAL enginelight.transaction outcome=rolled back
        CLIENT select customers text=select "name" from "customers" where "id" = $1
        CLIENT ROLLBACK text=ROLLBACK
    INTERNAL enginelight.session writer
      INTERNAL enginelight.transaction outcome=committed
        CLIENT insert orders text=insert into "orders" ("customer", "note") values ($1, $2)
        CLIENT SAVEPOINT text=SAVEPOINT el_1
        INTERNAL enginelight.savepoint outcome=rolled back
          CLIENT insert nowhere text=insert into nowhere values (?) type=42P01 ! DatabaseError (42P01)
        CLIENT ROLLBACK TO SAVEPOINT text=ROLLBACK TO SAVEPOINT el_1; RELEASE SAVEPOINT el_1
        CLIENT COMMIT text=COMMIT
    INTERNAL enginelight.session logger
      CLIENT insert log text=insert into "log" ("line") values ($1)
SERVER GET /first
  INTERNAL enginelight.request label=scope
    INTERNAL enginelight.session writer
      INTERNAL enginelight.transaction outcome=rolled back
        CLIENT select orders text=select count(*) from "orders"
        CLIENT ROLLBACK text=ROLLBACK
SERVER GET /second
  INTERNAL enginelight.request label=scope
    INTERNAL enginelight.session writer
      INTERNAL enginelight.checkout
      INTERNAL enginelight.transaction outcome=rolled back
        CLIENT select orders text=select count(*) from "orders"
        CLIENT ROLLBACK text=ROLLBACK
SERVER GET /report
  CLIENT select orders text=select * from "orders" where "customer" = $1
  INTERNAL enginelight.transaction outcome=rolled back
    CLIENT update orders text=update "orders" set "note" = $1
    CLIENT ROLLBACK text=ROLLBACK
SERVER GET /broken
  INTERNAL enginelight.request label=scope type=failed ! the request failed
    INTERNAL enginelight.session reader
      INTERNAL enginelight.transaction outcome=rolled back
        CLIENT select nowhere text=select * from "nowhere" where "note" = $1 type=42P01 ! DatabaseError (42P01)
        CLIENT ROLLBACK text=ROLLBACK
SERVER GET /export
  INTERNAL enginelight.request label=scope
    INTERNAL enginelight.session reader
      INTERNAL enginelight.transaction outcome=rolled back
        CLIENT select text=select generate_series(?, ?)
        CLIENT ROLLBACK text=ROLLBACK
INTERNAL enginelight.request label=nightly job
  INTERNAL enginelight.session writer
    INTERNAL enginelight.transaction outcome=rolled back
      CLIENT select orders text=select ? from orders
      CLIENT ROLLBACK text=ROLLBACK`

/** For our own spans only: an HTTP span has its own SDK's clock, in whole milliseconds. */
function startsOrEndsOutsideOfItsParent(spans: readonly DrawnSpan[]): string[] {
  const byId = new Map(spans.map(span => [span.id, span]))
  return spans
    .filter(({ start, end, parent }) => {
      const around = byId.get(parent ?? '')
      return around?.kind === 'INTERNAL' && (start < around.start || end > around.end)
    })
    .map(span => span.name)
}

const ONE_SESSION = `INTERNAL enginelight.session writer
  CLIENT select orders`

test('a process that ends by itself exports what it has, and ends with its own code', async () => {
  const { code, signal } = await start('ends by itself').ended
  expect([code, signal, await drawn(), await receiver.metricNames()]).toEqual([
    3,
    null,
    ONE_SESSION,
    ['db.client.operation.duration'],
  ])
})

test('a signal that nobody handles still ends the process, after the export', async () => {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    const child = start('waits')
    await child.ready
    child.process.kill(name)
    const { code, signal } = await child.ended
    expect([code, signal]).toEqual([null, name])
  }
  const twice = [
    ONE_SESSION,
    'INTERNAL enginelight.session writer abandoned=the instrumentation was disabled',
  ]
  expect(await drawn()).toBe([...twice, ...twice].join('\n'))
})

test('a signal that the application handles is left to it, and what it does until its exit is exported', async () => {
  const child = start('shuts down on SIGTERM')
  await child.ready
  child.process.kill('SIGTERM')
  const { code, signal } = await child.ended
  expect([code, signal, await drawn()]).toEqual([7, null, `${ONE_SESSION}\n${ONE_SESSION}`])
})

test('a library that raises a signal again only when it listens alone is not kept from it', async () => {
  const child = start('raises SIGTERM again when it listens alone')
  await child.ready
  child.process.kill('SIGTERM')
  expect((await child.ended).signal).toBe('SIGTERM')
})

test('a collector that cannot be reached changes neither how nor whether the process ends', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '1000' }
  const byItself = await start('ends by itself', { env }).ended
  const waiting = start('waits', { env: { ...env, OTEL_EXPORTER_OTLP_TIMEOUT: '60000' } })
  await waiting.ready
  waiting.process.kill('SIGTERM')
  const bySignal = await waiting.ended
  expect([
    byItself.code,
    bySignal.signal,
    byItself.milliseconds < 8000,
    bySignal.milliseconds < 8000,
  ]).toEqual([3, 'SIGTERM', true, true])
})

test('a second signal ends the process at once', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '60000' }
  const child = start('waits', { env })
  await child.ready
  child.process.kill('SIGTERM')
  setTimeout(() => child.process.kill('SIGTERM'), 300)
  const killed = performance.now()
  expect([(await child.ended).signal, performance.now() - killed < 2000]).toEqual(['SIGTERM', true])
})

test('OTEL_SDK_DISABLED leaves the channels alone', async () => {
  const disabled = await start('says who listens', { env: { OTEL_SDK_DISABLED: 'TRUE' } }).ended
  const enabled = await start('says who listens').ended
  expect([disabled.output.includes('true'), enabled.output.includes('true')]).toEqual([false, true])
})

test('other variables of OpenTelemetry are honoured: no exporter, no sample', async () => {
  await start('ends by itself', { env: { OTEL_TRACES_SAMPLER: 'always_off', OTEL_METRICS_EXPORTER: 'none' } })
    .ended
  await start('ends by itself', { env: { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' } })
    .ended
  expect([await drawn(), await receiver.metricNames()]).toEqual(['', []])
})

test('where another SDK was started before, its exporters are used and none is added', async () => {
  const flags = ['--import', pathToFileURL(compiled('testing/other-sdk.js')).href, ...register]
  const { code, output } = await start('ends by itself', { flags, env: { OTEL_LOG_LEVEL: 'warn' } }).ended
  expect([code, output, await drawn(), await receiver.metricNames()]).toEqual([
    3,
    '',
    ONE_SESSION,
    ['db.client.operation.duration'],
  ])
})

test('it can be required', async () => {
  const { code } = await start('ends by itself', { flags: ['--require', compiled('register.js')] }).ended
  expect([code, await drawn()]).toEqual([3, ONE_SESSION])
})

test('without the SDK installed it says in one sentence what to install', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-otel-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(compiled('../..'), join(folder, 'dist'), { recursive: true })
  await mkdir(join(folder, 'node_modules/@opentelemetry'), { recursive: true })
  await symlink(
    compiled('../../../../node_modules/@opentelemetry/api'),
    join(folder, 'node_modules/@opentelemetry/api'),
  )
  const flags = ['--import', pathToFileURL(join(folder, 'dist/instrumentation/otel/register.js')).href]
  const { code, output } = await start('ends by itself', { flags }).ended
  expect([
    code,
    output.includes('npm install @opentelemetry/sdk-node'),
    output.includes("code: 'EL_MISSING_PEER'"),
  ]).toEqual([1, true, true])
})

test('an application on a real PostgreSQL: every request is a tree, and names the backends that it held', async () => {
  const database = await createDatabase(
    'create table customers (id int, name text); create table orders (customer int, note text); create table log (line text)',
  )
  onTestFinished(() => database.drop())
  const child = run(compiled('testing/shop-app.js'), {
    flags: register,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_SERVICE_NAME: 'shop',
      DATABASE_URL: database.url,
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      OTEL_METRIC_EXPORT_TIMEOUT: '90',
    },
  })
  await child.ready
  const backends = await database.admin<{ application_name: string; pid: number }>(
    "select application_name, pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%' order by 1",
  )
  child.process.send('go on')
  const { code, output } = await child.ended
  expect([code, output]).toEqual([0, ''])

  // The check-out that waited for another request, without those that waited because the machine was busy.
  const all = await receiver.spans()
  const second = all.find(span => span.name === 'GET /second')
  const spans = all.filter(span => span.name !== 'enginelight.checkout' || span.trace === second?.trace)
  const shown = [
    'enginelight.request.label',
    'enginelight.transaction.outcome',
    'enginelight.savepoint.outcome',
    'db.query.text',
    'error.type',
    'enginelight.abandoned',
  ]
  expect(drawSpans(spans, shown)).toBe(REAL_TRACES)
  expect(startsOrEndsOutsideOfItsParent(spans)).toEqual([])
  expect(await receiver.metricNames()).toEqual([
    'db.client.connection.count',
    'db.client.connection.idle.min',
    'db.client.connection.limit',
    'db.client.connection.pending_requests',
    'db.client.connection.use_time',
    'db.client.connection.wait_time',
    'db.client.operation.duration',
  ])
  const first = spans.find(span => span.name === 'POST /orders')!
  const named = spans
    .filter(span => span.trace === first.trace && span.name === 'enginelight.transaction')
    .map(({ attributes }) => ({
      application_name: attributes['enginelight.engine.name'],
      pid: attributes['enginelight.connection.backend_pid'],
    }))
  expect(named.toReversed()).toEqual(backends)
  expect(backends.length).toBe(2)
  expect(
    JSON.stringify(spans, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ).not.toContain('hunter2')
  expect(new Set(spans.map(span => span.trace)).size).toBe(8)
})
