import { expect, test } from 'vitest'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type { Hello } from '../../instrumentation/model/protocol.ts'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { PanelModel } from './panel-model.ts'

const hello = (boot: string): Hello => ({
  type: 'hello',
  protocol: 1,
  version: '0',
  boot,
  application: 'shop',
  applicationUrl: null,
  pid: 1,
  thread: 0,
  node: '20',
  timeOrigin: 0,
  now: 0,
  limits: { ringBytes: 0, requestsKept: 0, statementsPerRequest: 0 },
})

function watching(boot = 'a') {
  const { rows, world, state } = recorded('busy', 6000)
  const frames: (() => void)[] = []
  const model = new PanelModel(flush => frames.push(flush))
  const since = model.hello(hello(boot))
  model.link({ state: 'live' })
  model.message({ type: 'dict', entries: world.dictionary })
  const frame = () => frames.splice(0).forEach(flush => flush())
  return { model, rows, state, since, frame }
}

test('a snapshot, then events: applied once per frame', () => {
  const { model, rows, state, since, frame } = watching()
  expect(since).toBeNull()
  model.message({ type: 'snap', seq: 100, rows: rows.slice(0, 100) })
  let told = 0
  model.subscribe(() => told++)
  for (let i = 100; i < rows.length; i += 7) model.message({ type: 'ev', rows: rows.slice(i, i + 7) })
  expect(told).toBe(0)
  frame()
  expect(told).toBe(1)
  expect(model.view().state).toEqual(state)
})

test('another socket of the same process goes on where the last one ended, and repeats nothing', () => {
  const { model, rows, state, frame } = watching()
  model.message({ type: 'snap', seq: 100, rows: rows.slice(0, 100) })
  model.link({ state: 'lost', retryAt: 0, reason: null })
  expect(model.hello(hello('a'))).toEqual({ boot: 'a', seq: 100 })
  model.message({ type: 'ev', rows: rows.slice(90) })
  frame()
  expect(model.view().state).toEqual(state)
})

test('another process begins with nothing', () => {
  const { model, rows, frame } = watching()
  model.message({ type: 'snap', seq: 100, rows: rows.slice(0, 100) })
  frame()
  expect(model.hello(hello('b'))).toBeNull()
  expect(model.view().state.order).toEqual([])
})

test('paused, nothing changes; going on catches up', () => {
  const { model, rows, state, frame } = watching()
  model.message({ type: 'snap', seq: 50, rows: rows.slice(0, 50) })
  frame()
  model.pause(true)
  model.message({ type: 'ev', rows: rows.slice(50) })
  frame()
  expect(model.view().heldBack).toBe(rows.length - 50)
  expect(model.view().state.seq).toBe(50)
  model.pause(false)
  expect(model.view().state).toEqual(state)
})

test('what the process finds is kept by its changes, held back while paused, and told anew on another socket', () => {
  const { model } = watching()
  const finding = (key: string, kind: Finding['kind'], since: number): Finding => ({
    key,
    kind,
    severity: 'bad',
    sentence: key,
    why: null,
    about: {},
    site: null,
    since,
    lastSeen: since,
    count: 1,
    isOver: false,
  })
  const tell = (found: Finding[], over: string[] = []) =>
    model.message({ type: 'findings', now: 1, found, over })
  const shown = () => model.view().findings?.map(({ key }) => key)
  expect(shown()).toBeUndefined()
  tell([])
  expect(shown()).toEqual([])
  tell([finding('one', 'leak', 1), finding('two', 'leak', 2), finding('full', 'pool full', 1)])
  expect(shown()).toEqual(['full', 'two', 'one'])
  model.pause(true)
  tell([], ['two'])
  expect(shown()).toEqual(['full', 'two', 'one'])
  model.pause(false)
  expect(shown()).toEqual(['full', 'one'])
  const dismissed: string[] = []
  model.onDismiss = key => dismissed.push(key)
  model.dismiss([finding('one', 'leak', 1)])
  expect(shown()).toEqual(['full'])
  expect(dismissed).toEqual(['one'])
  // The process tells of it until it has heard, and again if it begins anew.
  tell([finding('one', 'leak', 1)])
  expect(shown()).toEqual(['full'])
  tell([], ['one'])
  tell([finding('one', 'leak', 9)])
  expect(shown()).toEqual(['full', 'one'])
  model.hello(hello('a'))
  tell([finding('three', 'leak', 3)])
  expect(shown()).toEqual(['three'])
})
