import { diag, DiagLogLevel, metrics, trace } from '@opentelemetry/api'
import { NodeSDK, metrics as sdkMetrics, tracing } from '@opentelemetry/sdk-node'
import { readFileSync } from 'node:fs'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { channels } from '../../server-lib/channels/index.ts'
import { EnginelightInstrumentation } from './index.ts'
import { Spans } from './spans/index.ts'
import { EngineFacts } from './engine-facts.ts'
import { withDefaults } from './options.ts'
import { record } from './testing/recorder.ts'
import { Script } from './testing/script.ts'

afterEach(() => {
  trace.disable()
  metrics.disable()
  diag.disable()
})

test('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(new EnginelightInstrumentation({ enabled: false }).instrumentationVersion).toBe(version)
})

test('it imports nothing but Node itself, and asks for the API alone', () => {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const walk = (file: URL) => {
    if (seen.has(file.href)) return
    seen.add(file.href)
    for (const [, types, from = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (type )?[^;'"]*?from '([^']+)'/gm,
    )) {
      if (types) continue
      if (from.startsWith('.')) walk(new URL(from, file))
      else packages.add(from.startsWith('node:') ? 'node' : from)
    }
  }
  walk(new URL('index.ts', import.meta.url))
  expect([[...packages].sort(), seen.size > 20]).toEqual([['node'], true])
})

test('it listens once however often it is enabled, and when disabled nobody listens', () => {
  const recorder = record()
  onTestFinished(() => recorder.stop())
  const script = new Script()
  recorder.instrumentation.enable()
  script.session()
  script.sessionEnd()
  expect(recorder.draw()).toBe('INTERNAL enginelight.session writer')
  recorder.instrumentation.disable()
  recorder.instrumentation.disable()
  expect(Object.values(channels).filter(channel => channel.hasSubscribers)).toEqual([])
  script.session()
  script.sessionEnd()
  expect(recorder.finished().length).toBe(1)
  recorder.instrumentation.enable()
  script.session()
  script.sessionEnd()
  expect(recorder.finished().length).toBe(2)
})

test('disabling ends what is open, from the inside out, and options can change', () => {
  const recorder = record({ beginSpans: true })
  onTestFinished(() => recorder.stop())
  const script = new Script()
  script.session()
  script.statement('q0', 'BEGIN')
  script.transaction()
  script.answer('q0')
  script.statement('q1', 'select 1', { transaction: 't1' })
  script.session('s2')
  script.statement('q2', 'BEGIN', { session: 's2' })
  recorder.instrumentation.setConfig({ controlStatements: false })
  expect(recorder.finished().map(span => span.name)).toEqual([
    'BEGIN',
    'BEGIN',
    'select',
    'enginelight.transaction',
    'enginelight.session writer',
    'enginelight.session writer',
  ])
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
  script.statement('q3', 'COMMIT')
  script.answer('q3')
  expect(recorder.finished().length).toBe(6)
})

test('constructed as not enabled, it hears nothing until it is', () => {
  const instrumentation = new EnginelightInstrumentation({ enabled: false })
  onTestFinished(() => instrumentation.disable())
  expect([instrumentation.getConfig().enabled, channels.statement.hasSubscribers]).toEqual([false, false])
  instrumentation.enable()
  expect(channels.statement.hasSubscribers).toBe(true)
})

test('sessions that never end take no more than their share of memory', () => {
  const recorder = record({ enabled: false })
  const tracer = recorder.tracerProvider.getTracer('t')
  const spans = new Spans(() => tracer, withDefaults({}), new EngineFacts(), 3)
  for (let n = 1; n <= 10; n++) {
    spans.session({
      phase: 'start',
      at: n,
      id: `s${n}`,
      engine: 'writer',
      request: 'u1',
      mode: 'transaction',
    })
  }
  expect(spans.size).toBe(3)
  expect(recorder.finished().map(span => span.attributes['enginelight.abandoned'])).toEqual(
    Array(7).fill('too many are open'),
  )
  spans.stop()
  expect([spans.size, recorder.unfinished()]).toEqual([0, []])
})

test('a tracer that throws is reported to OpenTelemetry, and the application and the metrics go on', async () => {
  const told: string[] = []
  const tell = (text: string) => void told.push(text)
  diag.setLogger(
    { error: tell, warn: tell, info() {}, debug() {}, verbose() {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  const warnings: Error[] = []
  const listen = (warning: Error) => void warnings.push(warning)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  const recorder = record()
  onTestFinished(() => recorder.stop())
  recorder.instrumentation.setTracerProvider({
    getTracer: () => ({
      startSpan() {
        throw new Error('no spans today')
      },
      startActiveSpan() {
        throw new Error('no spans today')
      },
    }),
  })
  const script = new Script()
  script.session()
  script.statement('q1', 'select 1')
  script.answer('q1')
  script.sessionEnd()
  await new Promise(setImmediate)
  expect([told.filter(text => text.includes('failed')), warnings]).toEqual([
    ['enginelight: the observer of enginelight:session failed (1 so far)'],
    [],
  ])
  expect((await recorder.metrics()).map(metric => metric.descriptor.name)).toContain(
    'db.client.operation.duration',
  )
})

test('a span processor that throws at the end of a span leaves nothing behind and keeps no other from its end', () => {
  diag.disable()
  const names: string[] = []
  const provider = new tracing.BasicTracerProvider({
    spanProcessors: [
      {
        onStart() {},
        onEnd(span) {
          names.push(span.name)
          throw new Error('no ends today')
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  const instrumentation = new EnginelightInstrumentation()
  onTestFinished(() => instrumentation.disable())
  instrumentation.setTracerProvider(provider)
  const script = new Script()
  script.session()
  script.transaction()
  script.statement('q1', 'select 1', { transaction: 't1' })
  script.session('s2')
  instrumentation.disable()
  expect(names).toEqual([
    'select',
    'enginelight.transaction',
    'enginelight.session writer',
    'enginelight.session writer',
  ])
  instrumentation.enable()
  script.session('s3')
  script.sessionEnd('s3')
  expect([names.length, instrumentation.openCount]).toEqual([5, 0])
})

test('a process without any SDK loses nothing but the telemetry', () => {
  const instrumentation = new EnginelightInstrumentation()
  onTestFinished(() => instrumentation.disable())
  const script = new Script()
  script.declare()
  script.session()
  script.statement('q1', 'select 1')
  script.answer('q1')
  script.sessionEnd()
  expect(instrumentation.openCount).toBe(0)
})

test('a NodeSDK takes it as an instrumentation, and its spans and metrics arrive', async () => {
  const spans = new tracing.InMemorySpanExporter()
  const processor = new tracing.SimpleSpanProcessor(spans)
  const exporter = new sdkMetrics.InMemoryMetricExporter(sdkMetrics.AggregationTemporality.CUMULATIVE)
  const reader = new sdkMetrics.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })
  const instrumentation = new EnginelightInstrumentation()
  onTestFinished(() => instrumentation.disable())
  const sdk = new NodeSDK({
    spanProcessors: [processor],
    metricReaders: [reader],
    logRecordProcessors: [],
    instrumentations: [instrumentation],
  })
  sdk.start()
  const script = new Script()
  script.session()
  script.statement('q1', 'select 1')
  script.answer('q1')
  script.sessionEnd()
  await processor.forceFlush()
  expect(spans.getFinishedSpans().map(span => [span.name, span.instrumentationScope.name])).toEqual([
    ['select', 'enginelight'],
    ['enginelight.session writer', 'enginelight'],
  ])
  await reader.forceFlush()
  const metrics = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
  expect(metrics.map(metric => metric.descriptor.name)).toEqual(['db.client.operation.duration'])
  await sdk.shutdown()
})

test('metrics arrive although their provider is registered after the instrumentation, by nobody who knows of it', async () => {
  const instrumentation = new EnginelightInstrumentation()
  onTestFinished(() => instrumentation.disable())
  const script = new Script()
  script.statement('q1', 'select 1')
  script.answer('q1')
  const recorder = record({ enabled: false })
  metrics.setGlobalMeterProvider(recorder.meterProvider)
  script.statement('q2', 'select 2')
  script.answer('q2')
  const durations = (await recorder.metrics()).find(
    metric => metric.descriptor.name === 'db.client.operation.duration',
  )
  expect(durations?.dataPoints.map(point => (point.value as { count: number }).count)).toEqual([1])
})
