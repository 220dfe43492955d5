import express from 'express'
import { EventEmitter } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { expect, test } from 'vitest'
import { createEngines, engine } from '../../../server-lib/index.ts'
import { panel, startPanel } from '../index.ts'

const { attach } = panel({ enabled: false }) as { attach(server: unknown): Promise<unknown> }
const listening = () => new http.Server()

test.each<[string, () => unknown, RegExp]>([
  [
    'an application of express',
    () => express(),
    /this is an application: write attach\(app\.listen\(port\)\)/,
  ],
  ['one that has its server', () => ({ listen() {}, server: listening() }), /write attach\(app\.server\)/],
  ['one of koa', () => Object.assign(new EventEmitter(), { listen() {} }), /this is an application/],
  ['http2', () => http2.createServer(), /node:http2: give the panel a port of its own by startPanel\(\)/],
  ['http2 with TLS', () => http2.createSecureServer(), /node:http2/],
  ['net', () => net.createServer(), /node:net, which speaks no HTTP/],
  ['a port', () => 3000, /which this is not/],
  ['nothing', () => undefined, /which this is not/],
])('%s is no server for the panel, and the answer says what to write', async (_name, make, sentence) => {
  await expect(attach(make())).rejects.toMatchObject({
    code: 'EL_PANEL_CONFIG',
    message: expect.stringMatching(sentence),
  })
})

test('a server of node:http or node:https is one', async () => {
  for (const server of [listening(), https.createServer()])
    await expect(attach(server)).resolves.toMatchObject({ url: null })
})

test('engines in the place of options, and an option that there is none of, are refused', async () => {
  await using engines = createEngines({ main: engine()({ connection: 'postgres://127.0.0.1:1/x' }) })
  expect(() => panel(engines as never)).toThrow('write panel({ engines }), and not panel(engines)')
  await expect(startPanel(engines as never)).rejects.toThrow('write panel({ engines })')
  expect(() => panel({ engine: engines } as never)).toThrow(
    'The panel has no option engine; there are engines, ',
  )
})
