import type { DriverCallback } from '../dialect/result.ts'
import type { CallbackArgument, StatementFacts } from '../dialect/statement.ts'
import { isSubmittable } from './driver.ts'

/** Reads the arguments of `query`; undefined if they are not recognizably a statement. */
export function statementIn([config, values]: unknown[]): StatementFacts | undefined {
  if (typeof config === 'string') return { text: config, parameters: countOf(values), values, kind: 'query' }
  if (typeof config !== 'object' || config === null) return undefined
  if (isSubmittable(config)) {
    const source = typeof config.text === 'string' ? config : config.cursor
    return {
      // pg throws for a text that is not a string, but only later.
      text: typeof source?.text === 'string' ? source.text : '',
      parameters: countOf(source?.values),
      values: source?.values,
      // pg's own Query is a submittable as well, but answers once.
      kind: 'read' in config ? 'cursor' : 'query',
    }
  }
  const { text, name, values: own } = config as { text?: unknown; name?: unknown; values?: unknown }
  const given = own ?? values
  const facts = { parameters: countOf(given), values: given, kind: 'query' as const }
  if (typeof text === 'string') return { text, ...facts }
  return typeof name === 'string' ? { text: `EXECUTE ${name}`, ...facts } : undefined
}

const countOf = (values: unknown) => (Array.isArray(values) ? values.length : 0)

/** pg takes its callback as the third argument, as the second, or inside the config, in this order. */
export function callbackOf(args: unknown[]): CallbackArgument | undefined {
  const [config] = args
  const position = [2, 1].find(index => typeof args[index] === 'function')
  if (position !== undefined) {
    const own = args[position] as DriverCallback
    return {
      callback: own,
      sendWith(callback, send) {
        const sent = send(args.with(position, callback))
        // pg older than 8.23 writes the callback into the application's config, where ours must not stay.
        if (isConfig(config) && config.callback === callback) config.callback = own
        return sent
      },
    }
  }
  if (!isConfig(config) || typeof config.callback !== 'function') return undefined
  const own = config.callback as DriverCallback
  return {
    callback: own,
    // A copy: the application may use its config again, or have frozen it. pg copies it too.
    sendWith: (callback, send) => send([copyWith(config, callback), ...args.slice(1)]),
  }
}

const isConfig = (value: unknown): value is { callback?: unknown } =>
  typeof value === 'object' && value !== null

function copyWith(config: object, callback: DriverCallback): object {
  return Object.create(Object.getPrototypeOf(config) as object, {
    ...Object.getOwnPropertyDescriptors(config),
    callback: { configurable: true, enumerable: true, writable: true, value: callback },
  }) as object
}
