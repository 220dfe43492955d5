import type { metrics as sdkMetrics } from '@opentelemetry/sdk-node'
import { expect, onTestFinished, test } from 'vitest'
import { addReporting, type EngineReport } from '../../../server-lib/channels/engine-reports.ts'
import { record } from '../testing/recorder.ts'
import { DESCRIPTION, Script } from '../testing/script.ts'

function start() {
  const recorder = record()
  onTestFinished(() => recorder.stop())
  const script = new Script()
  script.declare()
  return { recorder, script }
}

/** Each point on a line: metric, unit, attributes, and its value, or count and sum of a histogram. */
function draw(metrics: readonly sdkMetrics.MetricData[]): string {
  return metrics
    .flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => {
        const shown = Object.entries(attributes).map(
          ([name, value]) => `${name.split('.').at(-1)}=${String(value)}`,
        )
        const result =
          typeof value === 'number' ? value : 'sum' in value ? `${value.count}x ${value.sum}` : '?'
        return [descriptor.name, descriptor.unit, ...shown, result].join(' ')
      }),
    )
    .sort()
    .join('\n')
}

const waiter = { checkout: 'k9', request: null, session: null, since: 0, site: null, isLineTaken: true }
const report: EngineReport = {
  description: DESCRIPTION,
  used: 2,
  idle: 1,
  connections: [],
  waiters: [waiter, waiter, waiter],
}

test('operations, waits, holds, timeouts and the state of the pools are measured', async () => {
  const { recorder, script } = start()
  onTestFinished(addReporting({ report: () => report }))
  script.checkout('k1')
  script.acquired('k1', 250)
  script.statement('q1', 'BEGIN')
  script.answer('q1', { durationMs: 2 })
  script.statement('q2', 'select * from orders where id = 4')
  script.answer('q2', { durationMs: 30 })
  script.statement('q3', 'select * from orders where id = 5')
  script.answer('q3', { durationMs: 70 })
  script.statement('q4', 'select * from orders')
  script.answer('q4', { durationMs: 1, error: { type: 'DatabaseError', code: '42P01', message: '' } })
  script.released('k1', 500)
  script.checkout('k2')
  script.checkoutFailed({ type: 'EnginelightError', code: 'EL_CHECKOUT_TIMEOUT', message: '' }, 'k2')
  script.checkout('k3')
  script.checkoutFailed({ type: 'KnexTimeoutError', code: null, message: '' }, 'k3')
  script.checkout('k4')
  script.checkoutFailed({ type: 'Error', code: 'ECONNREFUSED', message: '' }, 'k4')
  expect(draw(await recorder.metrics())).toBe(
    `db.client.connection.count {connection} name=writer state=idle 1
db.client.connection.count {connection} name=writer state=used 2
db.client.connection.idle.min {connection} name=writer 0
db.client.connection.limit {connection} name=writer 2
db.client.connection.pending_requests {request} name=writer 3
db.client.connection.timeouts {timeout} name=writer 2
db.client.connection.use_time s name=writer 1x 0.5
db.client.connection.wait_time s name=writer 1x 0.25
db.client.operation.duration s name=postgresql namespace=shop address=db.example port=5433 name=BEGIN 1x 0.002
db.client.operation.duration s name=postgresql namespace=shop address=db.example port=5433 summary=select orders 2x 0.1
db.client.operation.duration s name=postgresql namespace=shop address=db.example port=5433 summary=select orders type=42P01 status_code=42P01 1x 0.001`,
  )
  const duration = (await recorder.metrics()).find(
    metric => metric.descriptor.name === 'db.client.operation.duration',
  )
  const boundaries = duration?.dataPoints.map(
    point => (point.value as { buckets: { boundaries: number[] } }).buckets.boundaries,
  )
  expect(boundaries?.[0]).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
})

test('a table for each tenant does not make a time series for each', async () => {
  const { recorder, script } = start()
  for (let tenant = 0; tenant < 1000; tenant++) {
    script.statement('q1', `select * from orders_${tenant}`)
    script.answer('q1')
  }
  const duration = (await recorder.metrics()).find(
    metric => metric.descriptor.name === 'db.client.operation.duration',
  )
  const counts = duration?.dataPoints.map(point => (point.value as { count: number }).count)
  expect([counts?.length, counts?.at(-1)]).toEqual([201, 800])
})

test('when a provider replaces another, the pools are read for the new one alone', async () => {
  const { recorder } = start()
  const other = record({ enabled: false })
  onTestFinished(() => other.stop())
  let reports = 0
  onTestFinished(
    addReporting({
      report() {
        reports += 1
        return report
      },
    }),
  )
  recorder.instrumentation.setMeterProvider(other.meterProvider)
  await recorder.metrics()
  expect(reports).toBe(0)
  await other.metrics()
  expect(reports).toBe(1)
  recorder.instrumentation.disable()
  await other.metrics()
  expect(reports).toBe(1)
})
