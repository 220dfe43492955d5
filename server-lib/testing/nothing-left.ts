import { afterAll, vi } from 'vitest'
import { channels } from '../channels/channels.ts'
import { observedEngines } from '../channels/engine-reports.ts'
import { eventually } from './ground-truth.ts'

const EVENTS = ['uncaughtException', 'unhandledRejection', 'warning', 'exit', 'SIGINT', 'SIGTERM'] as const

const listeners = () => EVENTS.map(event => `${process.listenerCount(event)} listeners of ${event}`)

const heard = () =>
  Object.entries(channels)
    .filter(([, channel]) => channel.hasSubscribers)
    .map(([name]) => `an observer of ${name}`)

const enginesBefore = new Set(observedEngines())
const before = [...heard(), ...listeners()]

/**
 * Files that share a process leave it as they found it. What one leaves, the next would see: this one fails for it, and
 * once. Registered before the hooks of the file itself, and so called after them.
 */
afterAll(() => {
  // Else the next file would begin with them.
  vi.unstubAllEnvs()
  return eventually(async () => {
    const left = observedEngines().filter(engine => !enginesBefore.has(engine))
    return [
      ...left.map(engine => `engine ${engine.report().description.engine} is open`),
      ...heard(),
      ...listeners(),
    ]
  }, before)
})
