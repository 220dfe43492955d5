import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES, WARNING_CODES, EnginelightError, errorFacts, withoutCredentials } from './errors.ts'

const manual = readFileSync(new URL('errors.md', import.meta.url), 'utf8')

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.ts$/.test(entry.name) && !/\.(test|test-d)\.ts$/.test(entry.name)
      ? [readFileSync(path, 'utf8')]
      : []
  })
}

test('every code has its entry in the manual, and every entry its code', () => {
  const entries = [...manual.matchAll(/^### (EL_[A-Z_]+)$/gm)].map(match => match[1])
  expect(entries.toSorted()).toEqual([...ERROR_CODES].toSorted())
  for (const section of manual.split(/^### /m).slice(1)) {
    expect(section, section.split('\n')[0]).toMatch(
      /\*\*Means\*\* \S[^]*\*\*Causes\*\* \S[^]*\*\*Remedy\*\* \S/,
    )
  }
})

test('every warning is in the manual, and told somewhere', () => {
  const entries = [...manual.matchAll(/^\| `(EL_[A-Z_]+)` +\|/gm)].map(match => match[1])
  expect(entries.toSorted()).toEqual([...WARNING_CODES].toSorted())
  const text = sources(join(new URL('..', import.meta.url).pathname, 'server-lib')).join('\n')
  expect(WARNING_CODES.filter(code => !new RegExp(`warn\\(\\s*'${code}'`).test(text))).toEqual([])
})

test('every code is thrown somewhere', () => {
  const root = new URL('..', import.meta.url).pathname
  const text = [...sources(join(root, 'server-lib')), ...sources(join(root, 'instrumentation'))]
    .join('\n')
    .replace(/ERROR_CODES = \[[^\]]*\]/, '')
  expect(ERROR_CODES.filter(code => !text.includes(`'${code}'`))).toEqual([])
})

test('an error is its sentence, its code, its cause and its numbers', () => {
  const cause = new Error('below')
  const error = new EnginelightError('EL_CHECKOUT_TIMEOUT', 'Waited 5 ms.', {
    engine: 'main',
    waitedMs: 5,
    cause,
  })
  expect(error).toMatchObject({
    name: 'EnginelightError',
    code: 'EL_CHECKOUT_TIMEOUT',
    message: 'Waited 5 ms.',
    engine: 'main',
    waitedMs: 5,
    cause,
  })
  expect('pool' in error).toBe(false)
  // knex writes `select … - ` in front of every message.
  error.message = `select 'secret' - ${error.message}`
  expect(error.message).toBe('Waited 5 ms.')
  expect(String(error)).toBe('EnginelightError: Waited 5 ms.')
})

test('facts of an error hold no value of the application and no credential', () => {
  const database = (code: string, message: string, more: object = {}) =>
    errorFacts(Object.assign(new Error(message), { name: 'error', code, severity: 'ERROR', ...more }))
  expect(database('22P02', 'invalid input syntax for type integer: "hunter2"').message).toBe(
    'invalid input syntax for type integer: •••',
  )
  expect(database('22001', `value "hunter2" too long`).message).not.toContain('hunter2')
  expect(database('P0001', `user hunter2 is not allowed`).message).toBe(
    'raised by a function (its text is not shown)',
  )
  expect(database('23505', 'hunter2', { routine: 'exec_stmt_raise' }).message).not.toContain('hunter2')
  expect(database('SHOP1', 'hunter2').message).not.toContain('hunter2')
  expect(errorFacts(Object.assign(new Error('read ECONNRESET'), { code: 'EPIPE' })).message).toBe(
    'read ECONNRESET',
  )
  expect(
    database('23505', 'duplicate key value violates unique constraint "users_email_key"', {
      detail: 'Key (email)=(hunter2) already exists.',
    }),
  ).toEqual({
    type: 'DatabaseError',
    code: '23505',
    message: 'duplicate key value violates unique constraint "users_email_key"',
  })
  expect(errorFacts(new Error('no route to postgres://app:hunter2@db/shop')).message).toBe(
    'no route to postgres://•••@db/shop',
  )
  expect(errorFacts('hunter2').message).not.toContain('hunter2')
  expect(withoutCredentials('a https://u:p@h b')).toBe('a https://•••@h b')
})
