import { AsyncLocalStorage } from 'node:async_hooks'
import { context, ROOT_CONTEXT, type Context, type ContextManager } from '@opentelemetry/api'
import { onTestFinished } from 'vitest'
import { wallTime } from '../clock.ts'
import type { EnginelightInstrumentationConfig } from '../index.ts'
import { record, type Recorder } from './recorder.ts'
import { Script } from './script.ts'

/** The smallest version of what an SDK provides. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.apply(self, args))
  }

  bind<T>(_active: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#storage.disable()
    return this
  }
}

interface Started {
  readonly recorder: Recorder
  readonly script: Script
  /** Runs a function with a span of the application as the active one. */
  inside<T>(name: string, fn: () => T): T
}

/** For one test: a recorder, a script on a declared engine, and spans of the application around parts of the script. */
export function start(config?: EnginelightInstrumentationConfig): Started {
  context.setGlobalContextManager(new Contexts())
  const recorder = record(config)
  onTestFinished(async () => {
    await recorder.stop()
    context.disable()
  })
  const script = new Script()
  script.declare()
  const inside = <T>(name: string, fn: () => T): T =>
    recorder.tracerProvider
      .getTracer('app')
      .startActiveSpan(name, { startTime: wallTime(script.now) }, span => {
        try {
          return fn()
        } finally {
          span.end(wallTime(script.now))
        }
      })
  return { recorder, script, inside }
}
