import { diag } from './api.ts'

let failures = 0

/** Wraps a handler so that its failure is reported to OpenTelemetry's diagnostics and goes no further. */
export function guarded<M>(name: string, handler: (message: M) => void): (message: M) => void {
  return message => {
    try {
      handler(message)
    } catch (error) {
      failures += 1
      // Only the first, the tenth, the hundredth …: a handler that fails on each message must not flood the log.
      if (!Number.isInteger(Math.log10(failures))) return
      try {
        diag.error(`enginelight: the observer of ${name} failed (${failures} so far)`, error)
      } catch {
        // An error in the application's diagnostics logger must not reach the application either.
      }
    }
  }
}
