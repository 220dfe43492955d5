// Who listens while the statements run. Each is started before pg and knex are loaded, since some patch them.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startSdk } from './sdk.js'

const NOBODY = { around: unit => unit(), seen: () => ({}), stop: async () => {} }

/** Starts an observer by name. `around` runs a unit as this observer's application would, `seen` says what reached it. */
export async function startObserver(name) {
  switch (name) {
    case 'nobody':
      return NOBODY
    case 'subscribers':
      return subscribe()
    case 'panel':
      return startPanel()
    case 'viewer':
      return startPanel({ isViewed: true })
    case 'sdk':
      return startSdk(async () => [])
    case 'bare':
      return startBareSpans()
    case 'otel':
      return startSdk(async () => {
        const { EnginelightInstrumentation } = await import('enginelight/otel')
        return [new EnginelightInstrumentation()]
      })
    case 'official':
      return startSdk(async () => {
        const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg')
        const { KnexInstrumentation } = await import('@opentelemetry/instrumentation-knex')
        return [new PgInstrumentation(), new KnexInstrumentation()]
      })
    default:
      throw new Error(`There is no observer "${name}".`)
  }
}

async function startBareSpans() {
  const { bareSpans } = await import('./bare-spans.js')
  const observing = await startSdk(async () => [])
  const make = bareSpans()
  const unitOf = async unit => {
    const result = await unit()
    make()
    return result
  }
  return { ...observing, around: unit => observing.around(() => unitOf(unit)) }
}

async function subscribe() {
  const { channels, observe } = await import('enginelight/channels')
  let messages = 0
  const leave = Object.values(channels).map(({ name }) => observe(name, () => void messages++))
  return { ...NOBODY, seen: () => ({ messages }), stop: async () => leave.forEach(stop => stop()) }
}

async function startPanel({ isViewed = false } = {}) {
  const { panel } = await import('enginelight/panel')
  const server = createServer((_request, response) => response.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const mounted = await panel({ enabled: true }).attach(server)
  const viewer = isViewed ? await startViewer(mounted.url) : undefined
  return {
    ...NOBODY,
    seen: () => ({ messages: viewer?.rows() ?? 0 }),
    async stop() {
      viewer?.stop()
      await mounted.close()
      server.close()
    },
  }
}

/** A page in a process of its own, so that its reading is none of the application's time. */
async function startViewer(url) {
  const child = fork(fileURLToPath(new URL('viewer.js', import.meta.url)), [url], { execArgv: [] })
  let rows = 0
  child.on('message', message => void (rows = message.rows))
  await once(child, 'message')
  return { rows: () => rows, stop: () => child.disconnect() }
}
