import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { DrawnSpan } from './draw-spans.ts'

interface KeyValue {
  key: string
  value: {
    stringValue?: string
    intValue?: string
    boolValue?: boolean
    doubleValue?: number
    arrayValue?: { values: KeyValue['value'][] }
  }
}

interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: KeyValue[]
  status?: { code?: string; message?: string }
}

/** A span as a collector received it. */
export interface ReceivedSpan extends DrawnSpan {
  readonly trace: string
}

/** Starts the receiver in a process of its own, from its compiled file. */
export async function startReceiver(file: string) {
  const child = fork(file, { stdio: 'inherit' })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const endpoint = `http://127.0.0.1:${port}`
  const receivedAt = async (path: string): Promise<Record<string, never>[]> => {
    const response = await fetch(`${endpoint}/received`)
    const { received, refused } = (await response.json()) as {
      received: { path: string; message: Record<string, never> }[]
      refused: string[]
    }
    if (refused.length > 0) throw new Error(`The receiver refused: ${refused.join('; ')}`)
    return received.filter(one => one.path === path).map(one => one.message)
  }
  return {
    endpoint,
    async spans(): Promise<ReceivedSpan[]> {
      const requests = (await receivedAt('/v1/traces')) as unknown as {
        resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[]
      }[]
      return requests.flatMap(request =>
        request.resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(scope => scope.spans.map(received)),
        ),
      )
    },
    async metricNames(): Promise<string[]> {
      const requests = (await receivedAt('/v1/metrics')) as unknown as {
        resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[]
      }[]
      const names = requests.flatMap(request =>
        request.resourceMetrics.flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(scope => scope.metrics.map(metric => metric.name)),
        ),
      )
      return [...new Set(names)].sort()
    },
    stop: () => void child.kill(),
  }
}

function received(span: OtlpSpan): ReceivedSpan {
  return {
    trace: span.traceId,
    id: span.spanId,
    parent: span.parentSpanId || undefined,
    name: span.name,
    kind: span.kind.replace('SPAN_KIND_', ''),
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    error: span.status?.code === 'STATUS_CODE_ERROR' ? span.status.message || 'ERROR' : undefined,
    attributes: Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, plain(value)])),
  }
}

function plain(value: KeyValue['value']): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(plain)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}
