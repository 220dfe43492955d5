import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'

const CONNECTIONS = 16
/** Of a hundred requests one hits a statement timeout; beside them one is aborted and one backend killed. */
const HUNDRED = [
  ...repeat(40, { method: 'GET', path: '/products' }),
  ...repeat(40, { method: 'POST', path: '/orders' }),
  ...repeat(15, { method: 'POST', path: '/checkout' }),
  ...repeat(2, { method: 'POST', path: '/careless' }),
  { method: 'POST', path: '/hasty' },
  { method: 'GET', path: '/slow' },
]

/** Requests at full speed, with a disturbance at every hundredth. */
export class Load {
  answers = { ok: 0, failed: 0, lost: 0 }
  aborts = 0
  kills = 0
  timeouts = 0
  #url
  #admin

  constructor(url, admin) {
    this.#url = url
    this.#admin = admin
  }

  /** Resolves when that many requests are answered, or aborted, and the application is at rest. */
  async run(requests) {
    // One of a hundred is ours to abort.
    const amount = Math.round(requests * 0.99)
    const instance = autocannon({
      url: this.#url,
      amount,
      connections: CONNECTIONS,
      timeout: 30,
      requests: mixed(),
    })
    let answered = 0
    const disturbances = new Set()
    instance.on('response', (_client, status) => {
      if (status === 200) this.answers.ok++
      else this.answers.failed++
      if (++answered % 100 !== 0) return
      this.timeouts++
      for (const disturb of [this.#abort(), this.#kill()]) {
        disturbances.add(disturb)
        void disturb.finally(() => disturbances.delete(disturb))
      }
    })
    const result = await instance
    this.answers.lost += result.errors + result.timeouts
    await Promise.all(disturbances)
    await this.#atRest()
  }

  async #abort() {
    this.aborts++
    const { method, path } = HUNDRED[Math.floor(Math.random() * HUNDRED.length)]
    const asked = request(this.#url + path, { method, agent: false })
    asked.on('error', () => {})
    asked.on('response', response => response.on('error', () => {}).resume())
    asked.end()
    await sleep(Math.random() * 8)
    asked.destroy()
    if (!asked.closed) await new Promise(resolve => asked.once('close', resolve))
  }

  async #kill() {
    const { rowCount } = await this.#admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'soak %'
       order by random() limit 1`,
    )
    this.kills += rowCount
  }

  /** The last requests are over, cancelled statements too, and the server has seen who has gone. */
  async #atRest() {
    for (let looks = 0; looks < 100; looks++) {
      await sleep(50)
      const { rows } = await this.#admin.query(
        `select from pg_stat_activity where application_name like 'soak %' and state <> 'idle'`,
      )
      if (rows.length === 0 && looks >= 6) return
    }
  }
}

function repeat(times, request) {
  return Array.from({ length: times }, () => request)
}

/** So that not all forty of a kind come in a row. 37 has no divisor in common with the hundred. */
function mixed() {
  return HUNDRED.map((_, index) => HUNDRED[(index * 37) % HUNDRED.length])
}
