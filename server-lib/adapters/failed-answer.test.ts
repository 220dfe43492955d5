import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bodyText } from './body-text.ts'
import { failedAnswer } from './failed-answer.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const NO = { message: 'no stock', path: ['b'] }
const read = (answer: unknown, type = JSON_TYPE) => {
  const failure = failedAnswer(type, typeof answer === 'string' ? answer : JSON.stringify(answer))
  if (!failure) return 'nothing failed'
  const other = failure.undone()
  return {
    tellsOfMore: failure.tellsOfMore,
    undone: other && JSON.parse(Buffer.from(other.body).toString()),
  }
}
const undone = { message: expect.stringContaining('undone') as string }

test.each([
  ['data alone', { data: { a: 1 } }],
  ['no errors', { data: { a: 1 }, errors: [] }],
  ['a word', { data: { a: 'the "error": none' } }],
  ['another protocol with errors', { imported: 5, errors: [{ message: 'line 3' }] }],
  ['errors that are no errors', { errors: ['line 3'] }],
  ['errors by field', { errors: { name: ['is missing'] } }],
  ['an error beside other keys', { ok: true, error: { message: 'no', code: 1 } }],
  [
    'a list of rows',
    [
      { id: 1, error: null },
      { id: 2, error: 'no' },
    ],
  ],
  ['JSON-RPC that went well', { jsonrpc: '2.0', id: 1, result: { error: null } }],
  ['an empty list', '[] "error"'],
  ['no JSON', 'an "error" page'],
])('%s is no failed answer', (_what, answer) => {
  expect(read(answer)).toBe('nothing failed')
})

test('other types are not read', () => {
  for (const type of ['text/html', 'application/vnd.api+json', 'application/problem+json'])
    expect(read({ errors: [NO] }, type)).toBe('nothing failed')
})

test.each([
  'application/json',
  'application/graphql-response+json; charset=utf-8',
  'Application/GraphQL+JSON',
])('GraphQL as %s', type => {
  expect(read({ errors: [NO] }, type)).toEqual({ tellsOfMore: false, undone: { errors: [NO] } })
  expect(read({ errors: [NO], data: null }, type)).toMatchObject({ tellsOfMore: false })
  expect(read({ data: { a: 1, b: null }, errors: [NO], extensions: { x: 1 } }, type)).toEqual({
    tellsOfMore: true,
    undone: { data: null, errors: [NO], extensions: { x: 1 } },
  })
})

test('a batch fails as one', () => {
  expect(read([{ data: { a: 1 } }, { data: { b: null }, errors: [NO] }])).toEqual({
    tellsOfMore: true,
    undone: [
      { data: null, errors: [undone] },
      { data: null, errors: [NO] },
    ],
  })
  const error = { code: -32000, message: 'no' }
  expect(
    read([
      { jsonrpc: '2.0', id: 1, result: 5 },
      { jsonrpc: '2.0', id: 2, error },
    ]),
  ).toEqual({
    tellsOfMore: true,
    undone: [
      { jsonrpc: '2.0', id: 1, error: { code: -32000, ...undone } },
      { jsonrpc: '2.0', id: 2, error },
    ],
  })
  const failed = { error: { message: 'no', code: -32603, data: { code: 'INTERNAL_SERVER_ERROR' } } }
  expect(read([{ result: { data: 1 } }, failed])).toMatchObject({ undone: [{ error: undone }, failed] })
  // The form that a transformer writes.
  const packed = { error: { json: failed.error } }
  expect(read([packed, { result: { data: { json: 1 } } }])).toMatchObject({
    undone: [packed, { error: { json: undone } }],
  })
})

test.each([
  [
    'multipart/mixed; boundary="-"',
    `---\r\nContent-Type: application/json\r\n\r\n{"data":{"a":1},"hasNext":true}\r\n---\r\n\r\n{"incremental":[{"path":["a"],"errors":[{"message":"no"}]}],"hasNext":false}\r\n-----`,
  ],
  [
    'text/event-stream',
    `:\n\nevent: next\ndata: {"data":{"a":1},"errors":[{"message":"no"}]}\n\nevent: complete\n\n`,
  ],
  ['application/json', `{"0":[[0],[null,0,0]]}\n[0,0,[[{"error":{"message":"no","code":-32603}}]]]\n`],
])('parts of %s', (type, body) => {
  expect(read(body, type)).toEqual({ tellsOfMore: true, undone: undefined })
  expect(read(body.replaceAll('error', 'result'), type)).toBe('nothing failed')
})

test('a body is read in its parts and as it is packed, and no longer one than a few MiB', async () => {
  const parts = [['{"err'], [Buffer.from('ors":')], ['5b5d', 'hex'], [new Uint8Array([125])], [() => {}], []]
  expect(await bodyText(parts, undefined)).toBe('{"errors":[]}')
  expect(await bodyText([[gzipSync('{}')]], 'gzip')).toBe('{}')
  expect(await bodyText([[randomBytes(99)]], 'gzip')).toBeUndefined()
  expect(await bodyText([['{}']], 'zstd')).toBeUndefined()
  const many = 9 * 1_048_576
  expect(await bodyText([[gzipSync(' '.repeat(many))]], 'gzip')).toBeUndefined()
  expect(await bodyText([[Buffer.alloc(many)]], undefined)).toBeUndefined()
})
