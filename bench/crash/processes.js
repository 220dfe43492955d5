import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process that writes transfers into a journal. */
export class Worker {
  #child
  #ended
  /** Transfers that came to their commit, whatever became of them. */
  done = 0

  constructor(env, options) {
    this.#child = start('worker.js', { ...env, CRASH_WORKER: JSON.stringify(options) })
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => (this.ending = signal ?? code))
    this.ready = new Promise(resolve => {
      this.#child.on('message', message => {
        if (message.ready) resolve()
        if (message.done === true) this.done++
      })
      void this.#ended.then(resolve)
    })
  }

  /** How it ended: a signal, an exit code; undefined while it lives. */
  ending

  get lives() {
    return this.ending === undefined
  }

  /** Has it send itself a signal when it comes by this point once more, after it has done so `after` times. */
  strikeAt(point, after, signal = 'SIGKILL') {
    this.#send({ strike: { point, after, signal } })
  }

  signal(name) {
    if (this.lives) this.#child.kill(name)
  }

  /** Waits for its end; whether it came in time. */
  async endedWithin(ms) {
    let timer
    const late = new Promise(resolve => void (timer = setTimeout(resolve, ms)))
    await Promise.race([this.#ended, late])
    clearTimeout(timer)
    return !this.lives
  }

  /** Lets it finish what it has begun. Resolves to how it ended. */
  async stop() {
    this.#send({ stop: true })
    if (!(await this.endedWithin(15_000))) this.signal('SIGKILL')
    return this.#ended
  }

  #send(message) {
    if (this.lives && this.#child.connected) this.#child.send(message, () => {})
  }
}

/** Two processes that recover without a pause, as long as the returned function is not called. */
export function startRecoverers(env, killOneAfterMs) {
  const children = [start('recoverer.js', env), start('recoverer.js', env)]
  const ended = children.map(child => once(child, 'exit'))
  const timer = killOneAfterMs && setTimeout(() => children[0].kill('SIGKILL'), killOneAfterMs)
  return async () => {
    clearTimeout(timer)
    for (const child of children) if (child.connected) child.send({ stop: true }, () => {})
    const last = setTimeout(() => children.forEach(child => child.kill('SIGKILL')), 5_000)
    await Promise.all(ended)
    clearTimeout(last)
  }
}

function start(file, env) {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [], { env: { ...process.env, ...env } })
}
