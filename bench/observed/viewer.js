// A page of the panel without a browser: it subscribes, reads every row, and says that it has.
import { WebSocket } from 'ws'

const [, , url] = process.argv
const { origin, hash } = new URL(url)
const socket = new WebSocket(`${origin.replace('http', 'ws')}/__enginelight/socket`, ['enginelight.v1'], {
  origin,
})
let rows = 0
const say = message => socket.send(JSON.stringify(message))
socket.on('open', () => say({ type: 'auth', token: hash.replace('#t=', '') }))
socket.on('message', data => {
  const message = JSON.parse(String(data))
  if (message.type === 'hello') say({ type: 'sub', since: null })
  if (message.type === 'snap') {
    say({ type: 'ack', seq: message.seq })
    process.send({ rows })
  }
  if (message.type === 'ev' && message.rows.length > 0) {
    rows += message.rows.length
    say({ type: 'ack', seq: message.rows.at(-1)[0] })
  }
  if (message.type === 'stat') process.send({ rows })
})
process.on('disconnect', () => process.exit(0))
