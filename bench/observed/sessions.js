// The unit of the session bench, with knex's builders, under somebody's eyes.
import { startObserver } from './observers.js'

export async function open({ url, max, observer }) {
  const observing = await startObserver(observer)
  const { open: openSessions } = await import('../ways/session-builders.js')
  const { unit, close } = openSessions({ url, max })
  return {
    unit: id => observing.around(() => unit(id)),
    flush: () => observing.flush?.(),
    seen: observing.seen,
    async close() {
      await observing.stop()
      await close()
    },
  }
}
