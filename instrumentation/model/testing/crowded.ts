import type { EngineFacts } from '../rows.ts'
import { RequestSim, type Run } from './client-sim.ts'
import type { World } from './world.ts'

const LONG = '/api/v2/organisations/:organisation/workspaces/:workspace/reports/quarterly-revenue-by-region'
const HOSTILE = `select '<img src=x onerror=alert(1)>' as "<script>alert(2)</script>", ${'"column", '.repeat(80)}1 from "<b>t</b>" where x = $1`

/** A hard case for a page: many engines, a large pool, long names, text that looks like markup, much traffic. */
export function crowd(world: World, base: Omit<EngineFacts, 'engine' | 'pool'>): void {
  for (const name of ['analytics', 'archive_of_everything_since_2009', 'sessions', 'search']) {
    world.engine({ ...base, engine: name, pool: `${name}#1`, max: name === 'analytics' ? 40 : 3 })
  }
  for (let i = 0; i < 24; i++) world.spawn(visitors(world))
}

function* visitors(world: World): Run {
  for (;;) {
    yield world.between(5, 120)
    const request = new RequestSim(world, world.random() < 0.2 ? `GET ${LONG}` : 'GET /<b>bold</b>')
    for (let n = world.between(2, 14); n > 0; n--) {
      yield* request.query(
        'analytics',
        HOSTILE,
        world.between(1, 60),
        'src/reports/quarterly/revenue-by-region/aggregate.ts:1204',
        { rows: 12 },
      )
      yield world.between(0, 8)
    }
    yield* request.end(200)
  }
}
