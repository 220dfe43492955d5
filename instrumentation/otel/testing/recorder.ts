import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { metrics as sdkMetrics, tracing } from '@opentelemetry/sdk-node'
import { drawSpans, type DrawnSpan } from './draw-spans.ts'
import { EnginelightInstrumentation, type EnginelightInstrumentationConfig } from '../index.ts'

export type Recorder = ReturnType<typeof record>

/** An instrumentation with providers of its own, whose spans and metrics stay in memory. */
export function record(config: EnginelightInstrumentationConfig = {}) {
  const spans = new tracing.InMemorySpanExporter()
  const started: tracing.Span[] = []
  const tracerProvider = new tracing.BasicTracerProvider({
    spanProcessors: [
      new tracing.SimpleSpanProcessor(spans),
      {
        onStart: span => void started.push(span),
        onEnd() {},
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  const metricExporter = new sdkMetrics.InMemoryMetricExporter(sdkMetrics.AggregationTemporality.CUMULATIVE)
  const reader = new sdkMetrics.PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 1e8,
  })
  const meterProvider = new sdkMetrics.MeterProvider({ readers: [reader] })
  const instrumentation = new EnginelightInstrumentation(config)
  instrumentation.setTracerProvider(tracerProvider)
  instrumentation.setMeterProvider(meterProvider)
  return {
    instrumentation,
    tracerProvider,
    meterProvider,
    /** Finished spans, in the order of their end. */
    finished: () => spans.getFinishedSpans(),
    /** Names of spans that started and did not end. */
    unfinished: () => started.filter(span => !span.ended).map(span => span.name),
    draw: (...attributes: string[]) => drawSpans(spans.getFinishedSpans().map(drawable), attributes),
    async metrics() {
      await reader.forceFlush()
      const latest = metricExporter.getMetrics().at(-1)
      return latest?.scopeMetrics.flatMap(scope => scope.metrics) ?? []
    },
    async stop() {
      instrumentation.disable()
      await meterProvider.shutdown()
    },
  }
}

function drawable(span: tracing.ReadableSpan): DrawnSpan {
  const nanoseconds = ([seconds, rest]: readonly [number, number]) =>
    BigInt(seconds) * 1_000_000_000n + BigInt(rest)
  const { code, message } = span.status
  return {
    id: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId,
    name: span.name,
    kind: SpanKind[span.kind],
    start: nanoseconds(span.startTime),
    end: nanoseconds(span.endTime),
    error: code === SpanStatusCode.ERROR ? (message ?? 'ERROR') : undefined,
    attributes: span.attributes,
  }
}
