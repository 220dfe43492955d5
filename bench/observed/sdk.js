// OpenTelemetry as an application has it: batches of spans and periodic metrics, to exporters that throw them away.
// The same for our instrumentation and for the official ones; each unit runs in a span, as in that of an HTTP request.
import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

export async function startSdk(instrumentations) {
  const { trace, SpanKind } = load('@opentelemetry/api')
  const { NodeSDK, tracing, metrics } = load('@opentelemetry/sdk-node')
  let spans = 0
  let points = 0
  const spanExporter = {
    export(batch, done) {
      spans += batch.length
      done({ code: 0 })
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const metricExporter = {
    export({ scopeMetrics }, done) {
      for (const scope of scopeMetrics) for (const metric of scope.metrics) points += metric.dataPoints.length
      done({ code: 0 })
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  // Large enough to lose nothing: a span that is dropped is a span that costs less.
  const spanProcessor = new tracing.BatchSpanProcessor(spanExporter, { maxQueueSize: 1_000_000 })
  const metricReader = new metrics.PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 1_000,
    exportTimeoutMillis: 1_000,
  })
  const sdk = new NodeSDK({
    instrumentations: await instrumentations(),
    spanProcessors: [spanProcessor],
    metricReaders: [metricReader],
    logRecordProcessors: [],
    autoDetectResources: false,
  })
  sdk.start()
  const tracer = trace.getTracer('bench')
  return {
    around: unit =>
      tracer.startActiveSpan('GET /', { kind: SpanKind.SERVER }, async span => {
        try {
          return await unit()
        } finally {
          span.end()
        }
      }),
    async flush() {
      await spanProcessor.forceFlush()
    },
    seen: () => ({ spans, points }),
    stop: () => sdk.shutdown(),
  }
}
