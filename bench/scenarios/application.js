// An application with one fault in it, in a process of its own. Its parent says when, and is told what happened.
import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import pg from 'pg'
import { createEngines, engine } from 'enginelight'
import { sessions } from 'enginelight/express'
import { startPanel } from 'enginelight/panel'
import { FAULTS } from './faults/index.js'

const { fault: name, url } = JSON.parse(process.argv[2])
const fault = FAULTS.find(one => one.name === name)
const engines = createEngines(fault.engines({ url, engine, pg }))
const panel = await startPanel({
  enabled: true,
  engines,
  application: name,
  port: 0,
  token: 'a-token-of-the-scenarios',
})
const app = express()
app.use(sessions(engines))
const server = createServer(app).listen(0, '127.0.0.1')
await once(server, 'listening')

/** The application's own clients. Each answers with the status, or with `null` where it gave up. */
const ask = (path, options) =>
  fetch(`http://127.0.0.1:${server.address().port}${path}`, options).then(
    async response => {
      await response.text()
      return response.status
    },
    () => null,
  )

/** A route whose handler failed answers 500, as an application's error handler does. */
const route = (path, handler) =>
  app.get(path, async (req, res) => {
    try {
      await handler(req)
      res.json('done')
    } catch (error) {
      res.status(500).json(String(error.code ?? error))
    }
  })

process.on('message', async message => {
  if (message === 'end') return process.exit()
  try {
    const said = await fault.happens({ engines, route, ask, url, server, pg })
    process.send({ type: 'happened', at: Date.now(), ...said })
  } catch (error) {
    process.send({ type: 'broken', error: String(error?.stack ?? error) })
  }
})
process.on('disconnect', () => process.exit())
process.send({ type: 'ready', panel: panel.url })
