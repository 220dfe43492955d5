import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const file = name => fileURLToPath(new URL(name, import.meta.url))

/** Starts a process for a subject. Only one is asked at a time; the others stand still. */
export async function startSubject({ execArgv, ...subject }) {
  const [started] = await startTogether([subject], execArgv)
  return started
}

/** Starts one process for several subjects, as an application has them. */
export async function startTogether(subjects, execArgv = []) {
  const names = subjects.map(({ name }) => name)
  const asked = subjects.map(one => ({ ...one, module: new URL(one.module, import.meta.url).href }))
  const { ask, stop } = await startProcess(names.join(', '), 'subject.js', [JSON.stringify(asked)], execArgv)
  return names.map(name => ({ name, run: (units, concurrency) => ask({ name, units, concurrency }), stop }))
}

/** A proxy in front of the server of an URL that adds `delayMs` each way. */
export async function startNetwork(url, delayMs) {
  const { answer, stop } = await startProcess('the network', 'network.js', [url, String(delayMs)])
  return { url: answer.url, stop }
}

async function startProcess(name, module, args, execArgv = []) {
  const child = fork(file(module), args, {
    execArgv,
    // Without NODE_OPTIONS, a profiler of this process would be that of each child as well.
    env: { NODE_ENV: 'production', ...process.env, NODE_OPTIONS: '' },
  })
  const gone = once(child, 'exit').then(([code]) => code)
  const next = async () => {
    const message = await Promise.race([once(child, 'message').then(([message]) => message), gone])
    if (typeof message !== 'object') throw new Error(`the process of ${name} ended with ${message}`)
    if (message.error) throw new Error(`${name}: ${message.error}`)
    return message.result
  }
  return {
    answer: await next(),
    ask(question) {
      const answered = next()
      child.send(question)
      return answered
    },
    async stop() {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}
