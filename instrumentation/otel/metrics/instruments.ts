import type { Counter, Histogram, Meter, MeterProvider, ObservableResult } from '@opentelemetry/api'
import { createNoopMeter, metrics } from '../api.ts'
import {
  ENGINE_NAME,
  METRIC_COMMIT_DURATION,
  METRIC_CONNECTION_TIMEOUTS,
  METRIC_CONNECTION_USE_TIME,
  METRIC_CONNECTION_WAIT_TIME,
  METRIC_OPERATION_DURATION,
  METRIC_PREPARED_IN_DOUBT,
  METRIC_PREPARED_RECOVERED,
} from '../semconv.ts'
import { VERSION } from '../../../server-lib/identity/version.ts'
import { guarded } from '../guarded.ts'
import { InDoubt } from './in-doubt.ts'
import { PoolGauges } from './pool-gauges.ts'

/** The conventions' bucket boundaries for `db.client.operation.duration`, in seconds; the pool's times use them too. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/** The instruments of one meter. */
export interface Instruments {
  readonly operationDuration: Histogram
  readonly waitTime: Histogram
  readonly useTime: Histogram
  readonly timeouts: Counter
  readonly commitDuration: Histogram
  readonly recovered: Counter
}

/**
 * Where measurements go. OpenTelemetry has no proxy for meters: an instrument made before the application registers its
 * provider is lost for ever. So instruments are made again for each provider passed in; and while there is only the
 * no-op one, each measurement asks for the global provider again.
 */
export class InstrumentSource {
  #provider: MeterProvider | undefined
  #instruments: Instruments | undefined
  #gauges: PoolGauges | undefined
  /** The global provider that turned out to be a no-op: not checked again. */
  #noop: MeterProvider | undefined
  #stopInDoubt: (() => void) | undefined
  readonly inDoubt = new InDoubt()

  /** Takes a provider. An SDK calls this twice: with the no-op one, and with its own. */
  use(provider: MeterProvider): void {
    if (provider === this.#provider) return
    this.stop()
    this.#provider = isNoop(provider) ? undefined : provider
  }

  /** Undefined while nothing measures. */
  current(): Instruments | undefined {
    if (this.#instruments) return this.#instruments
    const provider = this.#provider ?? metrics.getMeterProvider()
    if (provider === this.#noop) return undefined
    if (isNoop(provider)) {
      this.#noop = provider
      return undefined
    }
    return this.#make(provider.getMeter('enginelight', VERSION))
  }

  /** Drops the instruments and the gauges' callbacks. The next `current` makes new ones. */
  stop(): void {
    this.#gauges?.stop()
    this.#stopInDoubt?.()
    this.#stopInDoubt = undefined
    this.#gauges = undefined
    this.#instruments = undefined
  }

  #make(meter: Meter): Instruments {
    this.stop()
    this.#gauges = new PoolGauges(meter)
    this.#stopInDoubt = observeInDoubt(meter, this.inDoubt)
    const seconds = (name: string, description: string) =>
      meter.createHistogram(name, {
        unit: 's',
        description,
        advice: { explicitBucketBoundaries: BOUNDARIES },
      })
    this.#instruments = {
      operationDuration: seconds(METRIC_OPERATION_DURATION, 'Duration of database client operations.'),
      waitTime: seconds(
        METRIC_CONNECTION_WAIT_TIME,
        'The time it took to obtain an open connection from the pool.',
      ),
      useTime: seconds(
        METRIC_CONNECTION_USE_TIME,
        'The time between borrowing a connection and returning it to the pool.',
      ),
      timeouts: meter.createCounter(METRIC_CONNECTION_TIMEOUTS, {
        unit: '{timeout}',
        description:
          'The number of connection timeouts that have occurred trying to obtain a connection from the pool.',
      }),
      commitDuration: seconds(METRIC_COMMIT_DURATION, 'Duration of commits over the engines of a request.'),
      recovered: meter.createCounter(METRIC_PREPARED_RECOVERED, {
        unit: '{transaction}',
        description: 'The number of prepared transactions that recovery has ended.',
      }),
    }
    return this.#instruments
  }
}

function observeInDoubt(meter: Meter, inDoubt: InDoubt): () => void {
  const gauge = meter.createObservableUpDownCounter(METRIC_PREPARED_IN_DOUBT, {
    unit: '{transaction}',
    description: 'The number of prepared transactions that recovery has met and cannot end yet.',
  })
  const observe = guarded('what is in doubt', (result: ObservableResult) => {
    for (const [engine, count] of inDoubt.counts(performance.now()))
      result.observe(count, { [ENGINE_NAME]: engine })
  })
  gauge.addCallback(observe)
  return () => gauge.removeCallback(observe)
}

const NOOP_METER = createNoopMeter()

function isNoop(provider: MeterProvider): boolean {
  const meter = provider.getMeter('enginelight', VERSION)
  // By name as well: the application can have a second copy of the API.
  return meter === NOOP_METER || meter.constructor.name === 'NoopMeter'
}
