import { afterEach, expect, test, vi } from 'vitest'

/** Loads the library as in a process started with this environment. */
async function startedWith(text: string | undefined) {
  vi.stubEnv('ENGINELIGHT_DISABLE_TRANSACTION', text)
  vi.resetModules()
  const { createEngines, engine } = await import('../index.ts')
  return () =>
    createEngines({
      main: engine()({ connection: 'postgres://127.0.0.1:1/none', transactional: true }),
    })
}

afterEach(() => void vi.resetModules())

test.each([
  [undefined, true],
  ['', true],
  ['0', true],
  ['1', false],
])('ENGINELIGHT_DISABLE_TRANSACTION=%s: a transactional engine is one: %s', async (text, expected) => {
  const engines = (await startedWith(text))()
  expect(engines.get('main').description.transactional).toBe(expected)
  await engines.close()
})

test.each(['true', 'yes', '2', ' 1'])('%j is refused: it could be meant either way', async text => {
  const create = await startedWith(text)
  expect(create).toThrow('ENGINELIGHT_DISABLE_TRANSACTION must be 0 or 1.')
})

test('it is read once: what the process is told later changes nothing', async () => {
  const create = await startedWith('1')
  const before = create()
  vi.stubEnv('ENGINELIGHT_DISABLE_TRANSACTION', '0')
  const after = create()
  expect(after.get('main').description.transactional).toBe(false)
  await Promise.all([before.close(), after.close()])
})
