import type { TestDatabase } from '../database.ts'
import { Actor } from './actor.ts'
import { LeaseRegister } from './lease-register.ts'
import type { Sequence } from './move.ts'
import { ProcessWatch } from '../process-watch.ts'
import { openWorld } from './world.ts'

let runs = 0

/** Plays a sequence on engines of its own, and holds all that it leaves behind against what must be left. */
export async function play(database: TestDatabase, { setting, sessions }: Sequence): Promise<void> {
  using watch = new ProcessWatch()
  using leases = new LeaseRegister({ main: setting.max, aside: 2 })
  const world = openWorld(database, setting)
  const run = `r${++runs}`
  const actors = sessions.map((_moves, index) => new Actor(`${run}.${index}`, world, database))
  const played = await Promise.allSettled(actors.map((actor, index) => actor.play(sessions[index] ?? [])))
  try {
    const failure = played.find(one => one.status === 'rejected')
    if (failure) throw failure.reason
    await expectNothing('left in hands', () => leases.left())
    await expectNothing('open on the server', () => openOnServer(database))
    await expectNothing('not as it was told', () => untrue(database, run, actors))
  } finally {
    await within(10_000, 'to close', async () => {
      await world.engines.close({ graceMs: 1_000 })
      await Promise.all(actors.flatMap(actor => actor.later))
      await world.closeSource()
    })
  }
  await expectNothing('still connected', async () =>
    (await database.backends()).map(({ pid, query }) => `${pid} ${query}`),
  )
  if (watch.seen.length > 0) throw new Error(`It reached the process: ${watch.seen.join('\n')}`)
}

/** Asks for five seconds: a backend that was told to go needs a moment, and its socket another. */
async function expectNothing(what: string, ask: () => Promise<string[]> | string[]): Promise<void> {
  const until = performance.now() + 5_000
  let found = await ask()
  while (found.length > 0 && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, 5))
    found = await ask()
  }
  if (found.length > 0) throw new Error(`${what}: ${found.join('; ')}`)
}

async function openOnServer(database: TestDatabase): Promise<string[]> {
  const rows = await database.admin<{ found: string }>(
    `select format('%s %s %s', pid, state, query) as found from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'
     union all
     select format('%s %s on %s', l.pid, l.mode, l.relation::regclass) from pg_locks l
     where l.database = (select oid from pg_database where datname = current_database()) and l.pid <> pg_backend_pid()`,
  )
  return rows.map(row => row.found)
}

/** Rows that were told to be committed and are not, or the other way; rows of two owners in one transaction. */
async function untrue(database: TestDatabase, run: string, actors: readonly Actor[]): Promise<string[]> {
  const rows = await database.admin<{ id: string; owner: string; xid: string }>(
    'select id, owner, xid::text from marks where owner like $1',
    [`${run}.%`],
  )
  const found = new Set(rows.map(row => row.id))
  const wrong: string[] = []
  for (const { model } of actors) {
    for (const id of model.committed)
      if (!found.delete(id)) wrong.push(`${id} was committed and is not there`)
    for (const id of model.unknown) found.delete(id)
  }
  for (const id of found) wrong.push(`${id} was not committed and is there`)
  const owners = new Map<string, string>()
  for (const { xid, owner } of rows) {
    const other = owners.get(xid)
    if (other !== undefined && other !== owner) wrong.push(`${owner} and ${other} wrote in one transaction`)
    owners.set(xid, owner)
  }
  return wrong
}

async function within(deadlineMs: number, what: string, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done after ${deadlineMs} ms`)), deadlineMs)
  })
  await Promise.race([work(), late]).finally(() => clearTimeout(timer))
}
