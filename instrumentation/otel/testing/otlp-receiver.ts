import { createServer, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import protobuf from 'protobufjs'

/**
 * An OTLP/HTTP receiver in a process of its own: accepts only protobuf, decodes it with the official definitions (those
 * that `@elastic/mockotlpserver` ships) and returns what it has at `GET /received`, as JSON.
 */
const folder = dirname(createRequire(import.meta.url).resolve('@elastic/mockotlpserver/package.json'))
const root = new protobuf.Root()
root.resolvePath = (_from, target) => (target.startsWith('/') ? target : join(folder, target))
const services = ['trace', 'metrics', 'logs'].map(
  signal => `opentelemetry/proto/collector/${signal}/v1/${signal}_service.proto`,
)
root.loadSync(services)

const REQUESTS: Record<string, string> = {
  '/v1/traces': 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
  '/v1/metrics': 'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest',
  '/v1/logs': 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest',
}

const received: { path: string; message: object }[] = []
const refused: string[] = []

const server = createServer((request, response) => {
  if (request.url === '/received') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ received, refused }))
    return
  }
  void read(request).then(
    ({ path, message }) => {
      received.push({ path, message })
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    },
    (error: unknown) => {
      refused.push(String(error))
      response.writeHead(400).end()
    },
  )
})

async function read(request: IncomingMessage): Promise<{ path: string; message: object }> {
  const path = request.url ?? ''
  const type = REQUESTS[path]
  if (!type) throw new Error(`no such path: ${path}`)
  if (request.headers['content-type'] !== 'application/x-protobuf') {
    throw new Error(`no protobuf: ${request.headers['content-type']}`)
  }
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const decoder = root.lookupType(type)
  return {
    path,
    message: decoder.toObject(decoder.decode(bytes), { longs: String, enums: String, bytes: String }),
  }
}

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
