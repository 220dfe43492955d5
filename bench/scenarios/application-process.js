import { fork } from 'node:child_process'

/** The application's process. */
export class Application {
  #child
  #waiting = new Map()
  panel

  constructor(given) {
    this.#child = fork(new URL('./application.js', import.meta.url), [JSON.stringify(given)], {
      env: { ...process.env, NODE_ENV: 'development', NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child.on('message', message => this.#waiting.get(message.type)?.(message))
    this.panel = this.#message('ready').then(({ panel }) => panel)
  }

  happens() {
    const broken = this.#message('broken').then(({ error }) => Promise.reject(new Error(error)))
    const happened = this.#message('happened')
    this.#child.send('happen')
    return Promise.race([happened, broken])
  }

  end() {
    this.#child.kill('SIGKILL')
  }

  #message(type) {
    return new Promise(resolve => this.#waiting.set(type, resolve))
  }
}
