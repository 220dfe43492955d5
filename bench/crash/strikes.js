import { COMMIT_TIMEOUT_MS } from './limits.js'
import { startRecoverers } from './processes.js'

const POINTS = [
  'begin:answered',
  'statement:answered',
  'decision:sent',
  'decision:answered',
  'prepare:sent',
  'prepare:answered',
  'commit:due',
  'commit:sent',
  'commit:answered',
  'end-prepared:sent',
  'end-prepared:answered',
  'release:due',
]

const STOPPED_AT = [
  'decision:answered',
  'prepare:answered',
  'commit:sent',
  'commit:answered',
  'end-prepared:sent',
]

const PAUSED_AT = ['decision:answered', 'prepare:answered', 'commit:due']

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** How many out of a hundred. The rare ones take longest. */
const KINDS = [
  ['killed at a point', 38],
  ['killed at random', 24],
  ['killed, a participant unreachable', 8],
  ['backend terminated', 8],
  ['reply to COMMIT lost', 8],
  ['network reset', 6],
  ['server restarted', 4],
  ['paused', 4],
]

/** Draws and carries out the strikes, and counts them. */
export class Killer {
  #chance
  #servers
  #env
  #stopMs
  counts = {}

  constructor(chance, servers, env, stopMs) {
    this.#chance = chance
    this.#servers = servers
    this.#env = env
    this.#stopMs = stopMs
  }

  get kills() {
    return Object.entries(this.counts)
      .filter(([kind]) => kind.startsWith('killed'))
      .reduce((sum, [, count]) => sum + count, 0)
  }

  /** One strike; the worker lives on, or is dead. `kind` to have a certain one. */
  async strike(worker, kind = this.#draw()) {
    const name = await this.#carryOut(worker, kind)
    if (name) this.counts[name] = (this.counts[name] ?? 0) + 1
  }

  #draw() {
    let at = this.#chance.between(0, 99)
    for (const [kind, weight] of KINDS) {
      if (at < weight) return kind
      at -= weight
    }
    return 'killed at random'
  }

  async #carryOut(worker, kind) {
    const chance = this.#chance
    const { proxy, postgres, ...server } = chance.pick(this.#servers)
    switch (kind) {
      case 'killed at a point': {
        const point = chance.pick(POINTS)
        worker.strikeAt(point, chance.between(0, 8))
        // A server that is away keeps it from coming by.
        if (await worker.endedWithin(4_000)) return `killed at ${point}`
        worker.signal('SIGKILL')
        return 'killed at random'
      }
      case 'killed at random':
        await pause(chance.between(0, 150))
        worker.signal('SIGKILL')
        return kind
      case 'killed, a participant unreachable': {
        worker.strikeAt(
          chance.pick(['prepare:answered', 'commit:answered', 'commit:sent']),
          chance.between(0, 4),
        )
        if (!(await worker.endedWithin(2_000))) worker.signal('SIGKILL')
        await proxy.refuse()
        proxy.reset()
        const stopRecoverers = startRecoverers(this.#env, chance.between(300, 900))
        await pause(1_200)
        await proxy.accept()
        await pause(300)
        await stopRecoverers()
        return kind
      }
      case 'backend terminated':
        for (let round = 0; round < 3; round++) {
          await this.#terminateOne(server.name)
          await pause(chance.between(5, 60))
        }
        return kind
      case 'reply to COMMIT lost': {
        const strike = proxy.once('COMMIT\0', chance.chance(0.5) ? 'reset' : 'black hole', { from: 'server' })
        await pause(COMMIT_TIMEOUT_MS + 700)
        strike.cancel()
        return strike.struck ? kind : undefined
      }
      case 'network reset':
        proxy.reset()
        await pause(50)
        return kind
      case 'server restarted': {
        const alsoKills = chance.chance(0.5)
        await postgres.halt('immediate')
        if (alsoKills) worker.signal('SIGKILL')
        await pause(chance.between(0, 300))
        await postgres.start()
        return alsoKills ? 'killed, and a server restarted' : kind
      }
      case 'paused': {
        // For longer than a recoverer waits for a decision, and shorter than the server lets it be held: it must wake to
        // find all as it was.
        const stopRecoverers = startRecoverers(this.#env)
        await pause(700)
        worker.strikeAt(chance.pick(PAUSED_AT), chance.between(0, 4), 'SIGSTOP')
        await pause(COMMIT_TIMEOUT_MS * 0.85)
        worker.signal('SIGCONT')
        await stopRecoverers()
        return 'paused for a moment'
      }
      case 'stopped': {
        // In the middle of a commit, whichever half of it.
        worker.strikeAt(chance.pick(STOPPED_AT), chance.between(0, 4), 'SIGSTOP')
        await pause(500)
        worker.signal('SIGSTOP')
        const stopRecoverers = startRecoverers(this.#env)
        await pause(this.#stopMs)
        worker.signal('SIGCONT')
        await pause(1_000)
        await stopRecoverers()
        return `stopped for ${this.#stopMs / 1_000} s`
      }
      default:
        throw new Error(`There is no strike ${kind}.`)
    }
  }

  async #terminateOne(name) {
    const server = this.#servers.find(one => one.name === name)
    await server.ask(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'crash'
       order by (state <> 'idle') desc, md5(pid::text || $1) limit 1`,
      [String(this.#chance.next())],
    )
  }
}
