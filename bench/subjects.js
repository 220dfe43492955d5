import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROCESS = fileURLToPath(new URL('subject.js', import.meta.url))

/** Starts a process for a subject. Only one is asked at a time; the others stand still. */
export async function startSubject({ name, module, options, execArgv = [] }) {
  const child = fork(PROCESS, [new URL(module, import.meta.url).href, JSON.stringify(options)], {
    execArgv,
    // Else a debugger or profiler of this process would be that of each child as well.
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const gone = once(child, 'exit').then(([code]) => code)
  const answer = async () => {
    const message = await Promise.race([once(child, 'message').then(([message]) => message), gone])
    if (typeof message !== 'object') throw new Error(`the process of ${name} ended with ${message}`)
    if (message.error) throw new Error(`${name}: ${message.error}`)
    return message.result
  }
  await answer()
  return {
    name,
    run(units, concurrency) {
      const answered = answer()
      child.send({ units, concurrency })
      return answered
    },
    async stop() {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}
