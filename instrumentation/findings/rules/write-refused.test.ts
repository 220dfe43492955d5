import { expect, test } from 'vitest'
import { aRequest, aStatement, found, LINE, made, sentences } from '../testing/made-up.ts'

test('a write that was refused because only reads are allowed', () => {
  const refused = aStatement({ text: 'update orders set n = 1', error: { code: '25006', message: '' } })
  const on = (access: 'read' | 'write', statement = refused) =>
    made({ engine: { access }, requests: [aRequest({ statements: [statement] })] })
  expect(found(on('read'), 10)).toEqual(['bad write refused q1'])
  expect(sentences(on('read'), 10)[0]).toBe(
    `POST /orders tried to write on writer, which only reads, at ${LINE}: UPDATE of orders was refused (25006).`,
  )
  expect(sentences(on('write'), 10)[0]).toContain('in a transaction that only reads')
  expect(found(on('read', aStatement({ error: { code: '42501', message: '' } })), 10)).toEqual([])
})
