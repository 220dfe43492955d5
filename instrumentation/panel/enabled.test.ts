import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { createServer as createTcpServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { channels } from '../../server-lib/channels/index.ts'
import { panel, startPanel, type StartPanelOptions } from './index.ts'
import { ownPanel } from './testing/panels.ts'

/** Whether imported or required, its files are CommonJS. Each test file has a process of its own. */
const isWsLoaded = () =>
  Object.keys(createRequire(import.meta.url).cache).some(file => /node_modules[\\/]ws[\\/]/.test(file))

const listenersOf = (server: Server) => server.eventNames().map(name => [name, server.rawListeners(name)])

test.each([
  undefined,
  '',
  'prod',
  'production',
  'Production',
  'test',
  'development ',
  ' development',
  'Development',
  'dev',
])('with NODE_ENV %j there is no panel: no listener, no recorder, no port, no ws', async value => {
  vi.stubEnv('NODE_ENV', value)
  const server = createServer()
  const before = listenersOf(server)
  const mounted = await panel().attach(server)
  const started = await startPanel({ port: 0 })
  expect([mounted.url, started.url]).toEqual([null, null])
  expect(listenersOf(server)).toEqual(before)
  expect(Object.values(channels).some(channel => channel.hasSubscribers)).toBe(false)
  expect(isWsLoaded()).toBe(false)
  await mounted.close()
  await started.close()
})

test('with NODE_ENV development there is one, unless it is switched off by name', async () => {
  vi.stubEnv('NODE_ENV', 'development')
  const off = await startPanel({ enabled: false })
  expect(off.url).toBeNull()
  expect(isWsLoaded()).toBe(false)
  const on = await startPanel()
  expect(on.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/__enginelight\/#t=/)
  await on.close()
  expect(isWsLoaded()).toBe(true)
  expect(Object.values(channels).some(channel => channel.hasSubscribers)).toBe(false)
})

test.each<[string, unknown]>([
  ['enabled', 'true'],
  ['enabled', 1],
  ['enabled', null],
  ['engines', {}],
  ['engines', { names: 'writer' }],
  ['engines', { names: [] }],
  ['engines', null],
  ['allow', '127.0.0.1'],
  ['allow', ['localhost']],
  ['allow', ['10.0.0.0/33']],
  ['allow', [10]],
  ['allowedHosts', ['*']],
  ['allowedHosts', ['http://dev.example']],
  ['allowedOrigins', ['*']],
  ['allowedOrigins', ['null']],
  ['allowedOrigins', ['https://dev.example/']],
  ['token', 'too short'],
  ['token', 'sixteen chars ää'],
  ['token', 1234567890123456],
  ['application', ''],
  ['application', 7],
  ['port', -1],
  ['port', 65_536],
  ['port', '3000'],
  ['host', 'example.com'],
  ['host', '0.0.0.0'],
  ['host', '::'],
  ['host', '192.0.2.1'],
  ['limits', 5],
  ['limits', { ringBytes: 1 }],
  ['limits', { ringBytes: '8' }],
  ['limits', { ring: 1 }],
])('the option %s: %j is refused before anything changes', async (option, value) => {
  const options = { enabled: true, [option]: value } as StartPanelOptions
  const error = await startPanel(options).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'EnginelightError', code: 'EL_PANEL_CONFIG', option })
  expect(Object.values(channels).some(channel => channel.hasSubscribers)).toBe(false)
})

test('a host that is not loopback is served to those of `allow`', async () => {
  const mounted = await ownPanel({ host: '0.0.0.0', allow: ['10.0.0.0/8'] })
  expect(mounted.url).toContain('http://127.0.0.1:')
})

test('what is no server cannot have a panel, switched off or not', async () => {
  for (const enabled of [true, false])
    await expect(panel({ enabled }).attach({} as Server)).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
})

test('a port that is taken is an error, and leaves no recorder', async () => {
  const taken = createTcpServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  await expect(startPanel({ enabled: true, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(Object.values(channels).some(channel => channel.hasSubscribers)).toBe(false)
  taken.close()
})
