import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Starts the application in a process of its own. */
export async function startApp(databaseUrl) {
  const child = fork(fileURLToPath(new URL('app.js', import.meta.url)), [databaseUrl], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal)
  const died = exited.then(code => Promise.reject(new Error(`The application ended with ${code}.`)))
  died.catch(() => {})
  const answer = async () => (await Promise.race([once(child, 'message'), died]))[0]
  const ask = question => {
    const answered = answer()
    child.send({ ask: question })
    return answered
  }
  const { url } = await answer()
  const app = {
    url,
    /** What it said at its end. */
    ended: undefined,
    stats: () => ask('stats'),
    async close() {
      const told = await ask('close')
      // By itself: whatever it still had would keep it.
      const late = new Promise(resolve => setTimeout(resolve, 5_000, 'nothing within 5 s').unref())
      app.ended = { ...told, exitCode: await Promise.race([exited, late]) }
      return app.ended
    },
    kill: () => void child.kill('SIGKILL'),
  }
  return app
}
