// What our spans and measurements of a unit cost with nothing of ours in between: the same number with the like attributes, made
// in a row by the application itself. Nobody who makes them can be cheaper than this.
import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

const POOL = { 'db.client.connection.pool.name': 'main#1', 'enginelight.engine': 'main' }
const STATEMENTS = [
  ['BEGIN', 'BEGIN'],
  ['select items', 'select * from "items" where "id" = $1'],
  ['insert events', 'insert into "events" ("item_id", "note") values ($1, $2)'],
]

export function bareSpans() {
  const { context, metrics, trace } = load('@opentelemetry/api')
  const tracer = trace.getTracer('bare')
  const meter = metrics.getMeter('bare')
  const durations = meter.createHistogram('db.client.operation.duration', { unit: 's' })
  const waits = meter.createHistogram('db.client.connection.wait_time', { unit: 's' })
  const uses = meter.createHistogram('db.client.connection.use_time', { unit: 's' })
  let id = 0
  const server = {
    'db.system.name': 'postgresql',
    'db.namespace': 'bench',
    'server.address': '127.0.0.1',
    'server.port': 5432,
  }
  return () => {
    const startTime = Date.now()
    let around = context.active()
    const open = ['enginelight.session', 'enginelight.transaction'].map(name => {
      const attributes = {
        ...server,
        ...POOL,
        'enginelight.request': `u${id}`,
        'enginelight.session': `s${id++}`,
      }
      const span = tracer.startSpan(name, { startTime, attributes }, around)
      around = trace.setSpan(around, span)
      return span
    })
    for (const [name, text] of STATEMENTS) {
      const attributes = {
        'db.query.text': text,
        'db.query.summary': name,
        'db.operation.name': name,
        'enginelight.statement': `q${id++}`,
      }
      tracer.startSpan(name, { kind: 2, startTime, attributes }, around).end(startTime + 1)
      durations.record(0.001, { ...server, 'db.operation.name': name })
    }
    // Told of by the span of its transaction.
    durations.record(0.001, { ...server, 'db.operation.name': 'COMMIT' })
    waits.record(0.001, POOL)
    uses.record(0.001, POOL)
    for (const span of open.reverse()) span.end(startTime + 1)
  }
}
