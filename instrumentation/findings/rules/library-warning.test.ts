import { expect, test } from 'vitest'
import { found, made } from '../testing/made-up.ts'

test('a warning is told once, unless a rule of its own finds it', () => {
  const warned = (...codes: string[]) => {
    const warnings = codes.map((code, at) => [String(at), { at, code, message: 'so it is' }] as const)
    return found({ ...made({}), warnings: new Map(warnings) }, 10)
  }
  expect(warned('EL_HOOK_FAILED', 'EL_HOOK_FAILED')).toEqual(['warn library warning EL_HOOK_FAILED so it is'])
  expect(warned('EL_HELD_LONG', 'EL_RETURNED', 'EL_CHECKOUT_TIMEOUT')).toEqual([])
})
