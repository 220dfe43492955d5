import type { Engine } from '../../engines/engine.ts'
import type { TestDatabase } from '../database.ts'
import { LeaseRegister } from '../moves/lease-register.ts'
import { Actor } from './actor.ts'
import { Decisions } from './decisions.ts'
import type { Sequence } from './move.ts'
import type { World } from './world.ts'

let runs = 0

/** Plays a sequence, and holds all that it leaves behind against what must be left. */
export async function playContainers(world: World, { max, containers }: Sequence): Promise<void> {
  const { shop, books, engines } = world
  const run = `r${++runs}`
  using decisions = new Decisions()
  // Another world may still be tidying up what a sequence before this one has left.
  const isOurs = (name: string, checkout: string) =>
    (engines.get(name as 'one') as Engine).holders().some(holder => holder.checkout === checkout)
  using leases = new LeaseRegister({ one: max, two: max, three: max }, isOurs)
  const actors = containers.map((_moves, index) => new Actor(`${run}.${index}`, world))
  await Promise.all(actors.map((actor, index) => actor.play(containers[index] ?? [])))
  const told = () => actors.map(({ log }, index) => `container ${index}:\n${log.join('\n')}`).join('\n')
  const fail = (what: string) => new Error(`${what}\n${told()}`)
  const faults = actors.flatMap(actor => actor.faults)
  if (faults.length > 0) throw fail(faults.join('\n'))
  await expectNothing('decisions left', () => decisions.left(), fail)
  await expectNothing('left in hands', () => leases.left(), fail)
  for (const database of [shop, books]) {
    await expectNothing('left on the server', () => leftOnServer(database), fail)
  }
  const found = new Set<string>()
  for (const { admin } of [shop, books]) {
    for (const { id } of await admin<{ id: string }>('select id from marks where id like $1', [`${run}.%`]))
      found.add(id)
  }
  const wrong = actors.flatMap(({ model }, index) =>
    model.untrue(new Set([...found].filter(id => id.startsWith(`${run}.${index}.`)))),
  )
  if (wrong.length > 0) throw fail(`not as it was told: ${wrong.join('; ')}`)
}

/** Asks for five seconds: a backend that was told to go needs a moment. */
async function expectNothing(
  what: string,
  ask: () => Promise<string[]> | string[],
  fail: (what: string) => Error,
): Promise<void> {
  const until = performance.now() + 5_000
  let found = await ask()
  while (found.length > 0 && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, 5))
    found = await ask()
  }
  if (found.length > 0) throw fail(`${what}: ${found.join('; ')}`)
}

async function leftOnServer(database: TestDatabase): Promise<string[]> {
  const rows = await database.admin<{ found: string }>(
    `select format('%s %s %s', pid, state, query) as found from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'
     union all
     select 'prepared ' || gid from pg_prepared_xacts where database = current_database()`,
  )
  return rows.map(row => row.found)
}
