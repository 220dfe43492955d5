import { expect, test } from 'vitest'
import type { ProcessFacts } from '../../instrumentation/model/protocol.ts'
import { Processes } from './processes.ts'

const facts = (boot: string, startedAt: number, worker: number | null = null): ProcessFacts => ({
  boot,
  pid: startedAt,
  thread: 0,
  worker,
  application: 'shop',
  page: null,
  startedAt,
})

function watching() {
  const ended: string[] = []
  const processes = new Processes(
    () => flush => flush(),
    (_model, boot) => ({ end: () => void ended.push(boot), retryNow: () => {} }),
  )
  const bootsOf = () =>
    processes.view().all.map(({ facts: { boot }, endedAt }) => (endedAt === null ? boot : `${boot}†`))
  const shown = () => processes.view().shown?.facts.boot
  return { processes, ended, bootsOf, shown }
}

test('a process that was started in the place of another is shown, and the other stays readable', () => {
  const { processes, ended, bootsOf, shown } = watching()
  processes.heard([facts('a', 1)])
  const model = processes.view().shown?.model
  processes.heard([facts('b', 2)])
  expect([bootsOf(), shown(), ended]).toEqual([['a†', 'b'], 'b', ['a']])
  expect(model?.view().link.state).toBe('ended')
  processes.show('a')
  expect(shown()).toBe('a')
  // It was chosen: what comes and goes does not take it away.
  processes.heard([facts('b', 2), facts('c', 3)])
  expect(shown()).toBe('a')
})

test('of workers the one with the same number follows; others that end leave the shown one alone', () => {
  const { processes, bootsOf, shown } = watching()
  processes.heard([facts('w1', 1, 1), facts('w2', 2, 2)])
  processes.show('w2')
  processes.heard([facts('w2', 2, 2), facts('w3', 3, 1)])
  expect([bootsOf(), shown()]).toEqual([['w1†', 'w2', 'w3'], 'w2'])
  processes.heard([facts('w3', 3, 1), facts('x', 4, 2)])
  expect(shown()).toBe('x')
})

test('two that have ended are kept; without any that lives the last one stays', () => {
  const { processes, bootsOf, shown } = watching()
  for (const [index, boot] of ['a', 'b', 'c', 'd'].entries()) processes.heard([facts(boot, index)])
  expect(bootsOf()).toEqual(['b†', 'c†', 'd'])
  processes.heard([])
  expect([bootsOf(), shown()]).toEqual([['c†', 'd†'], 'd'])
})

test('one that was out of sight for a while goes on where it was', () => {
  const { processes, bootsOf, shown } = watching()
  processes.heard([facts('a', 1)])
  const model = processes.view().shown?.model
  processes.heard([])
  processes.heard([facts('a', 1)])
  expect([bootsOf(), shown()]).toEqual([['a'], 'a'])
  expect(processes.view().shown?.model).toBe(model)
})
