import { channels } from '../../../server-lib/channels/index.ts'
import { Script } from './script.ts'

/** An application that ends in the way its argument says, without a database: it publishes what a real one would. */
const script = new Script()
script.declare()

function work(id: string): void {
  script.session(id, 'u1')
  script.statement(`q${id}`, 'select * from orders', { session: id })
  script.answer(`q${id}`)
  script.sessionEnd(id)
}

const how = process.argv[2]
if (how === 'says who listens') {
  console.log(Object.values(channels).map(channel => channel.hasSubscribers))
} else {
  work('s1')
  switch (how) {
    case 'ends by itself':
      process.exitCode = 3
      break
    case 'waits':
      script.session('s2', 'u1')
      setInterval(() => {}, 1000)
      break
    case 'shuts down on SIGTERM':
      setInterval(() => {}, 1000)
      process.on('SIGTERM', () => {
        setTimeout(() => work('s2'), 100)
        setTimeout(() => process.exit(7), 900)
      })
      break
    case 'raises SIGTERM again when it listens alone': {
      setInterval(() => {}, 1000)
      const again = () => {
        if (process.listenerCount('SIGTERM') > 1) return
        process.removeListener('SIGTERM', again)
        process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', again)
      break
    }
  }
  process.send?.('ready')
  if (how === 'ends by itself') process.disconnect?.()
}
