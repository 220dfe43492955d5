import { EventEmitter } from 'node:events'

export const noContext = {
  name: 'a statement that lost its request',
  asks: 'whose query is this',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask, engines }) {
    const { knex } = engines.get('main')
    const bus = new EventEmitter()
    const jobs = []
    // A queue that was started outside of any request runs what requests put into it.
    setInterval(() => jobs.splice(0).forEach(job => job().then(() => {})), 20).unref()
    const count = () => knex('orders').count()
    bus.on('ordered', () => jobs.push(count))
    route('/order', async () => {
      await count()
      bus.emit('ordered')
    })
    await ask('/order')
    await new Promise(resolve => setTimeout(resolve, 100))
    return { factAt: Date.now() }
  },
  says: /(?:outside of any request|no request|no context|lost)/i,
  names: /no-context\.js:13/,
  truth: () => ({ statements: [1, 2] }),
}
