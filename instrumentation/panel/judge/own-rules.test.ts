import { expect, onTestFinished, test } from 'vitest'
import { panel } from '../index.ts'
import { Page } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'
import { Speaker } from '../testing/messages.ts'

const warningsSeen = () => {
  const seen: string[] = []
  const listen = (warning: Error & { code?: string }) => void seen.push(`${warning.code}: ${warning.message}`)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  return seen
}

test('what an application’s own rule finds is told like the rest, and one that fails is told once and ends nothing', async () => {
  const warnings = warningsSeen()
  let isSlow = true
  onTestFinished(
    panel.rule(function* ({ requests }) {
      for (const { id, label } of requests.values())
        if (isSlow)
          yield { id, sentence: `${label} has no budget.`, severity: 'note', about: { request: id } }
    }),
  )
  onTestFinished(
    panel.rule(function broken() {
      throw new RangeError('secret')
    }),
  )
  onTestFinished(panel.rule(() => [{ id: 7, sentence: 'It has no id.' } as never]))
  const own = await ownPanel()
  const page = await Page.open(own.url)
  new Speaker().request('u1')
  await page.until(() => page.findings.has('own rule u1'))
  expect(page.findings.get('own rule u1')).toMatchObject({
    kind: 'own rule',
    severity: 'note',
    sentence: expect.stringContaining('has no budget.'),
    about: { request: 'u1' },
    isOver: false,
  })
  isSlow = false
  await page.until(() => page.findings.get('own rule u1')?.isOver === true)
  own.findings()
  expect(warnings).toEqual([
    'EL_RULE_FAILED: A rule of the panel, broken, failed with RangeError: what it finds is not told. Further failures of it are not reported.',
    'EL_RULE_FAILED: A rule of the panel failed with TypeError: what it finds is not told. Further failures of it are not reported.',
  ])
  await page.close()
})

test('only a function is a rule', () => {
  expect(() => panel.rule('x' as never)).toThrow(
    expect.objectContaining({
      code: 'EL_PANEL_CONFIG',
      message: 'A rule of the panel must be a function, not string.',
    }),
  )
})
