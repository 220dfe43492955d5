import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from '../database.ts'
import { startFaultProxy } from '../fault-proxy.ts'
import { LeaseRegister } from '../moves/lease-register.ts'
import { ProcessWatch } from '../process-watch.ts'
import { Seeded } from '../seeded.ts'
import { History } from './history.ts'
import { Job } from './job.ts'
import { Nemesis } from './nemesis.ts'
import { drawSetting, openStormEngines, type StormEngines, type StormSetting } from './storm-engines.ts'

/** So many requests at once, on one to three connections. */
const CLIENTS = 8
/** The longest that a request can take with every deadline on its way, and some. */
const JOB_DEADLINE_MS = 20_000
const PROBES = 10

export interface StormReport {
  readonly setting: StormSetting
  readonly jobs: number
  readonly blows: number
  readonly told: Record<string, number>
}

/** A load of requests while everything strikes that can, drawn from one seed; then calm, and the truth. Throws with the seed. */
export async function storm(database: TestDatabase, seed: number, forMs: number): Promise<StormReport> {
  const chance = new Seeded(seed)
  const setting = drawSetting(chance)
  await database.admin('truncate appended')
  const proxy = await startFaultProxy(database.url)
  using watch = new ProcessWatch()
  using leases = new LeaseRegister({ main: setting.max })
  const engines = openStormEngines(proxy.url, setting)
  const history = new History()
  const running = new Set<Job>()
  const nemesis = new Nemesis(chance.fork(), { database, proxy, engines, running })
  const wrong: string[] = []
  let jobs = 0
  const until = performance.now() + forMs

  const client = async (name: string, own: Seeded) => {
    while (performance.now() < until && wrong.length === 0) {
      const job = new Job(`${name}.${++jobs}`, own.fork(), history, engines)
      running.add(job)
      const blame = (what: string) => wrong.push(`job ${job.name} ${what}:\n    ${job.log.join('\n    ')}`)
      // Its statements may fail; its end never does.
      const ended = job.run().catch((error: unknown) => blame(String(error)))
      if (!(await settles(ended, JOB_DEADLINE_MS))) blame('does not end')
      running.delete(job)
    }
  }
  const raging = nemesis.rage()
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(`j${index}`, chance.fork())))
  await nemesis.stop()
  await raging

  wrong.push(...(await calm(engines)))
  wrong.push(...(await eventually(() => leases.left())))
  if (!(await settles(engines.engines.close({ graceMs: 3_000 }).then(engines.closeSource), 12_000)))
    wrong.push('it does not close')
  await proxy.stop()
  wrong.push(
    ...(await eventually(async () =>
      (await database.backends()).map(one => `left: ${one.pid} ${one.query}`),
    )),
  )
  wrong.push(...(await history.check(database)))
  wrong.push(...watch.seen)
  if (wrong.length > 0) {
    throw new Error(
      `seed ${seed} (ENGINELIGHT_SEED=${seed}), ${JSON.stringify(setting)}:\n  ${wrong.join('\n  ')}\nblows:\n  ${nemesis.log.slice(-40).join('\n  ')}`,
    )
  }
  return { setting, jobs, blows: nemesis.log.length, told: history.counts }
}

/** When all is over the engine serves again. The first ones may still meet a connection that died in the pool. */
async function calm({ engines }: StormEngines): Promise<string[]> {
  const wrong: string[] = []
  for (let n = 0; n < PROBES; n++) {
    const error = await engines
      .scope(db => db.main.query('select 1'))
      .then(
        () => undefined,
        (caught: unknown) => caught,
      )
    if (error && n >= PROBES / 2) wrong.push(`probe ${n}: ${String(error)}`)
  }
  return wrong
}

async function eventually(ask: () => Promise<string[]> | string[]): Promise<string[]> {
  const until = performance.now() + 6_000
  for (;;) {
    const found = await ask()
    if (found.length === 0 || performance.now() > until) return found
    await sleep(20)
  }
}

async function settles(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>(resolve => void (timer = setTimeout(resolve, deadlineMs, false)))
  return await Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer))
}
