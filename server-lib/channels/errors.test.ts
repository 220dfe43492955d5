import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { knowDatabases } from '../databases.ts'
import {
  ERROR_CODES,
  WARNING_CODES,
  EnginelightError,
  codeAndMessage,
  errorFacts,
  fullMessage,
} from './errors.ts'

knowDatabases()

const manual = readFileSync(new URL('../errors.md', import.meta.url), 'utf8')
const root = new URL('../..', import.meta.url).pathname

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
  const text = ['server-lib', 'instrumentation'].flatMap(name => sources(join(root, name))).join('\n')
  expect(WARNING_CODES.filter(code => !new RegExp(`warn\\(\\s*'${code}'`).test(text))).toEqual([])
})

test('every code is thrown somewhere', () => {
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

/** As pg makes them. */
const database = (code: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name: 'error', code, severity: 'ERROR', ...more })

test("facts of a server's error are its code and what belongs to that, never its message", () => {
  const duplicate = database('23505', 'duplicate key value violates "users_email_key": hunter2', {
    detail: 'Key (email)=(hunter2) already exists.',
    hint: 'hunter2',
    where: 'hunter2',
    schema: 'public',
    table: 'users',
    constraint: 'users_email_key',
    file: 'nbtinsert.c',
    routine: '_bt_check_unique',
  })
  expect(errorFacts(duplicate)).toEqual({
    type: 'DatabaseError',
    code: '23505',
    message:
      'unique_violation in schema "public", table "users", constraint "users_email_key" (ERROR, _bt_check_unique)',
  })
  expect(codeAndMessage(database('42601', 'syntax error at or near "hunter2"', { position: '7' }))).toBe(
    '42601, syntax_error at character 7 (ERROR)',
  )
  expect(errorFacts(database('3D000', 'database "hunter2" does not exist')).message).toBe(
    'invalid_catalog_name (ERROR)',
  )
})

test('what a function raises puts nothing of its own into the facts', () => {
  const raised = database('SHOP1', 'hunter2', {
    table: 'hunter2',
    column: 'hunter2',
    constraint: 'hunter2',
    dataType: 'hunter2',
    schema: 'hunter2',
    position: 'hunter2',
    severity: 'hunter2 is not allowed',
    file: 'pl_exec.c',
    routine: 'exec_stmt_raise',
  })
  expect(errorFacts(raised).message).toBe('a condition of the application (exec_stmt_raise)')
})

test('facts of any other error are a fixed sentence', () => {
  const told = (message: string, more: object = {}) => {
    const { type, code, message: sentence } = errorFacts(Object.assign(new Error(message), more))
    return [type, code, sentence]
  }
  expect(told('read ECONNRESET', { code: 'ECONNRESET' })).toEqual([
    'Error',
    'ECONNRESET',
    'connection reset by peer',
  ])
  expect(told('getaddrinfo ENOTFOUND hunter2', { code: 'ENOTFOUND' })[2]).toBe('the host was not found')
  expect(told("select 'hunter2' - Connection terminated unexpectedly")[2]).toBe(
    'Connection terminated unexpectedly',
  )
  expect(told('no route to postgres://app:hunter2@db/shop')[2]).toBe('Error (its message is not shown)')
  expect(told('x', { name: 'OutOfStock' })[2]).toBe('OutOfStock (its message is not shown)')
  expect(told('x', { name: 'user hunter2', code: 'hunter2 is not allowed' })).toEqual([
    'Error',
    null,
    'Error (its message is not shown)',
  ])
  expect(errorFacts('hunter2').message).not.toContain('hunter2')
})

test('an error of Enginelight keeps its sentence, unless that repeats an argument', () => {
  const cause = database('22P02', 'invalid input syntax for type integer: "hunter2"')
  const failed = new EnginelightError('EL_COMMIT_FAILED', `COMMIT failed: ${codeAndMessage(cause)}.`, {
    cause,
  })
  expect(errorFacts(failed).message).toBe('COMMIT failed: 22P02, invalid_text_representation (ERROR).')
  const unknown = new EnginelightError('EL_UNKNOWN_COLUMN', 'There is no column "hunter2".', {})
  expect(JSON.stringify(errorFacts(unknown))).not.toContain('hunter2')
})

test('the message itself is there for an observer that was asked for it, and in no copy of the facts', () => {
  const cause = database('22P02', 'invalid input: "hunter2"')
  const facts = errorFacts(new EnginelightError('EL_DOOMED', 'It is doomed.', { cause }))
  expect(fullMessage(facts)).toBe('It is doomed.; cause: invalid input: "hunter2"')
  expect(fullMessage({ ...facts })).toBe('It is doomed.')
  expect(fullMessage(errorFacts(new Error('x'.repeat(1e6)))).length).toBe(8_192)
})
