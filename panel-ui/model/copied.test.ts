import { expect, test } from 'vitest'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { ledgerOf } from '../../instrumentation/model/ledger.ts'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { curlOf, findingMarkdown, requestMarkdown } from './copied.ts'

const { state, now } = recorded('exhausted', 16_000)
const request = [...state.requests.values()].find(({ label }) => label === 'GET /orders')!

test('a request as curl is its method and path, safe for a shell; another unit has none', () => {
  expect(curlOf(request, 'http://127.0.0.1:3000/')).toBe("curl -X GET 'http://127.0.0.1:3000/orders'")
  expect(curlOf({ ...request, label: "GET /it's;rm" }, null)).toBe(
    String.raw`curl -X GET 'http://localhost/it'\''s;rm'`,
  )
  expect(curlOf({ ...request, label: 'GET /a $(x)' }, null)).toBeNull()
  expect(curlOf({ ...request, kind: 'scope' }, null)).toBeNull()
  expect(curlOf({ ...request, label: 'GET /orders/:id' }, null)).toMatch(/^# .*\ncurl/)
})

test('Markdown fences what the application wrote, so that no text ends the fence', () => {
  const [first] = request.statements
  const hostile = {
    ...request,
    label: 'GET /`x`',
    statements: [{ ...first!, text: 'select ```; # heading' }],
  }
  const markdown = requestMarkdown(hostile, ledgerOf(hostile, now), 'A verdict.', [], now)
  expect(markdown).toContain('````sql\n')
  expect(markdown).toMatch(/^### `` GET \/`x` ``/)
})

test('a finding as Markdown is its sentence, its reason and its line', () => {
  const finding = { severity: 'bad', sentence: 'It leaks.', why: 'Nobody releases it.', site: 'a.ts:1' }
  expect(findingMarkdown(finding as Finding)).toBe('- **bad**: It leaks. Nobody releases it. At `a.ts:1`.\n')
})
