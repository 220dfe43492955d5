import type { MeterProvider, Tracer, TracerProvider } from '@opentelemetry/api'
import { trace } from './api.ts'
import {
  observe,
  type ChannelMessages,
  type ChannelName,
  type ObserveOptions,
  type StatementMessage,
} from '../../server-lib/channels/index.ts'
import { EngineFacts } from './engine-facts.ts'
import { guarded } from './guarded.ts'
import { CheckoutMetrics } from './metrics/checkout-metrics.ts'
import { CommitMetrics } from './metrics/commit-metrics.ts'
import { InstrumentSource } from './metrics/instruments.ts'
import { OperationMetrics } from './metrics/operation-metrics.ts'
import { withDefaults, type EnginelightInstrumentationConfig } from './options.ts'
import { Spans } from './spans/index.ts'
import { StatementTexts } from './sql/statement-facts.ts'
import { VERSION } from '../../server-lib/identity/version.ts'

/**
 * An OpenTelemetry instrumentation: turns Enginelight's channel messages into spans and metrics. Pass it to
 * `NodeSDK({ instrumentations: [new EnginelightInstrumentation()] })`, or just construct it: it then uses the global
 * providers. It patches nothing, so it may come before or after the engines, and it can be disabled.
 *
 * It has the shape of `Instrumentation` in `@opentelemetry/instrumentation`, but needs neither that package nor an SDK;
 * so it works with the SDKs of Node 20 and with later ones.
 */
export class EnginelightInstrumentation {
  readonly instrumentationName = 'enginelight'
  readonly instrumentationVersion: string = VERSION
  #config: EnginelightInstrumentationConfig
  readonly #instruments = new InstrumentSource()
  #tracer: Tracer | undefined
  #running: { stop(): void; readonly size: number } | undefined

  constructor(config: EnginelightInstrumentationConfig = {}) {
    this.#config = config
    if (withDefaults(config).enabled) this.enable()
  }

  /** Starts listening. Does nothing if it already listens. */
  enable(): void {
    this.#running ??= this.#start()
  }

  /** Leaves the channels and ends every open span. */
  disable(): void {
    this.#running?.stop()
    this.#running = undefined
    this.#instruments.stop()
  }

  setTracerProvider(provider: TracerProvider): void {
    this.#tracer = provider.getTracer('enginelight', VERSION)
  }

  setMeterProvider(provider: MeterProvider): void {
    this.#instruments.use(provider)
    // Now and not at the first measurement: the gauges should show pools that are not yet in use.
    if (this.#running) this.#instruments.current()
  }

  /** Enginelight writes no log records, but SDKs call this all the same. */
  setLoggerProvider(_provider: unknown): void {}

  getConfig(): EnginelightInstrumentationConfig {
    return { enabled: true, ...this.#config }
  }

  /** Replaces the options. Open spans end here. */
  setConfig(config: EnginelightInstrumentationConfig): void {
    this.#config = config
    if (!this.#running) return
    this.disable()
    this.enable()
  }

  /** How many spans and measurements are open. */
  get openCount(): number {
    return this.#running?.size ?? 0
  }

  #start(): { stop(): void; readonly size: number } {
    const options = withDefaults(this.#config)
    const engines = new EngineFacts()
    const texts = new StatementTexts(options)
    const factsOf = ({ engine, text, parameters }: Extract<StatementMessage, { phase: 'start' }>) =>
      texts.of(engines.of(engine).system, text, parameters)
    const spans = new Spans(() => this.#tracer ?? trace.getTracer('enginelight', VERSION), options, engines)
    const operations = new OperationMetrics(this.#instruments, engines)
    const checkouts = new CheckoutMetrics(this.#instruments)
    const commits = new CommitMetrics(this.#instruments)
    this.#instruments.current()
    const subscriptions = [
      listen('enginelight:engine', message => engines.handle(message)),
      // Listened to only if wanted: messages without a listener are not built.
      ...(options.requestSpans ? [listen('enginelight:request', message => spans.request(message))] : []),
      listen('enginelight:session', message => spans.session(message)),
      listenTwice(
        'enginelight:checkout',
        message => checkouts.handle(message),
        message => spans.checkout(message),
      ),
      listen('enginelight:transaction', message => spans.transaction(message)),
      listenTwice(
        'enginelight:commit',
        message => commits.handle(message),
        message => spans.commit(message),
      ),
      listenTwice(
        'enginelight:statement',
        message =>
          message.phase === 'start'
            ? operations.started(message, factsOf(message))
            : operations.ended(message),
        message =>
          message.phase === 'start'
            ? spans.statementStarted(message, factsOf(message))
            : spans.statementEnded(message),
        { sites: options.lines },
      ),
    ]
    return {
      stop() {
        for (const unsubscribe of subscriptions) unsubscribe()
        spans.stop()
      },
      get size() {
        return spans.size + operations.size + commits.size
      },
    }
  }
}

/** Spans apart from the measurement: a span processor that throws does not stop it. */
function listenTwice<N extends ChannelName>(
  name: N,
  measure: (message: ChannelMessages[N]) => void,
  draw: (message: ChannelMessages[N]) => void,
  wanted?: ObserveOptions,
): () => void {
  const measured = guarded(name, measure)
  const drawn = guarded(name, draw)
  const both = (message: ChannelMessages[N]) => {
    measured(message)
    drawn(message)
  }
  return observe(name, both, wanted)
}

function listen<N extends ChannelName>(name: N, handler: (message: ChannelMessages[N]) => void): () => void {
  return observe(name, guarded(name, handler))
}
