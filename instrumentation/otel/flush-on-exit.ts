import { diag } from './api.ts'

/** Telemetry to export before the process ends. Both methods may reject or take for ever. */
export interface Flushable {
  flush(): Promise<void>
  shutdown(): Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** How long a signal waits for the export before the process ends. */
const SHUTDOWN_BOUND_MS = 3_000
/**
 * An application that handles the signal itself often ends with `process.exit()`, after which nothing can be exported.
 */
const FLUSH_EVERY_MS = 250

/**
 * Exports what is left when the process ends by itself or by a signal, without changing how it ends.
 *
 * If the application handles a signal, we only export often from then on, while it shuts down. A signal without other
 * handlers is held up for the export, at most three seconds, and then raised again, so that the process dies of it as
 * it would have; a second one kills at once.
 */
export function flushOnExit(telemetry: Flushable): void {
  let shutdown: Promise<void> | undefined
  const shutDown = () => (shutdown ??= quietly(() => telemetry.shutdown()))

  for (const signal of SIGNALS) {
    const onSignal = () => {
      // We leave first: other libraries (signal-exit) raise a signal again only if they are the last to listen.
      process.removeListener(signal, onSignal)
      if (process.listenerCount(signal) > 0) flushWhileShuttingDown(telemetry)
      else void bounded(shutDown()).then(() => process.kill(process.pid, signal))
    }
    // Before the application's handlers: one of them may call process.exit().
    process.prependListener(signal, onSignal)
  }

  // Nothing else is left to do, so the export may take as long as OTEL_EXPORTER_OTLP_TIMEOUT allows.
  process.once('beforeExit', () => void shutDown())
}

function flushWhileShuttingDown(telemetry: Flushable): void {
  let flushing = false
  const flush = () => {
    if (flushing) return
    flushing = true
    void quietly(() => telemetry.flush()).then(() => (flushing = false))
  }
  flush()
  setInterval(flush, FLUSH_EVERY_MS).unref()
}

/** Reports a failed export to OpenTelemetry's diagnostics, and never rejects. */
async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    diag.error('enginelight: telemetry could not be exported', error)
  }
}

function bounded(work: Promise<void>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, SHUTDOWN_BOUND_MS)
    void work.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
