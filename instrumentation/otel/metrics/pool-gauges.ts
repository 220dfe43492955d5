import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api'
import { engineReports } from '../../../server-lib/channels/index.ts'
import { guarded } from '../guarded.ts'
import {
  CONNECTION_STATE,
  METRIC_CONNECTION_COUNT,
  METRIC_CONNECTION_IDLE_MIN,
  METRIC_CONNECTION_LIMIT,
  METRIC_CONNECTION_PENDING,
  POOL_NAME,
} from '../semconv.ts'

/** The state of the pools, read at each export: it costs nothing per event. */
export class PoolGauges {
  readonly #meter: Meter
  readonly #count: Observable
  readonly #limit: Observable
  readonly #idleMin: Observable
  readonly #pending: Observable
  readonly #observe: (result: BatchObservableResult) => void

  constructor(meter: Meter) {
    this.#meter = meter
    const gauge = (name: string, unit: string, description: string) =>
      meter.createObservableUpDownCounter(name, { unit, description })
    this.#count = gauge(
      METRIC_CONNECTION_COUNT,
      '{connection}',
      'The number of connections that are currently in the state described by the `state` attribute.',
    )
    this.#limit = gauge(
      METRIC_CONNECTION_LIMIT,
      '{connection}',
      'The maximum number of open connections allowed.',
    )
    this.#idleMin = gauge(
      METRIC_CONNECTION_IDLE_MIN,
      '{connection}',
      'The minimum number of idle open connections allowed.',
    )
    this.#pending = gauge(
      METRIC_CONNECTION_PENDING,
      '{request}',
      'The number of current pending requests for an open connection.',
    )
    this.#observe = guarded('the pools', result => this.#read(result))
    meter.addBatchObservableCallback(this.#observe, this.#all)
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, this.#all)
  }

  get #all(): Observable[] {
    return [this.#count, this.#limit, this.#idleMin, this.#pending]
  }

  #read(result: BatchObservableResult): void {
    for (const { description, used, idle, waiters } of engineReports()) {
      const pool: Attributes = { [POOL_NAME]: description.engine }
      result.observe(this.#count, used, { ...pool, [CONNECTION_STATE]: 'used' })
      result.observe(this.#count, idle, { ...pool, [CONNECTION_STATE]: 'idle' })
      result.observe(this.#limit, description.max, pool)
      result.observe(this.#idleMin, description.min, pool)
      result.observe(this.#pending, waiters.length, pool)
    }
  }
}
