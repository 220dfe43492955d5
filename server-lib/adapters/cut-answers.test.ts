import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2'
import { expect, onTestFinished, test, vi } from 'vitest'
import { onSocket, post } from '../testing/clients.ts'
import {
  insert,
  insertOrphan,
  KINDS,
  transactionGrounds,
  type Handler,
} from '../testing/transaction-server.ts'
import type { MountOptions } from './mount.ts'
import { sessions } from './node.ts'

const grounds = transactionGrounds()

test.each(KINDS)('%s: a handler that cuts its connection after its answer keeps nothing', async kind => {
  const destroy: Handler = async (request, response) => {
    await insert(request)
    response.end('done')
    if (request.url === '/socket') response.socket?.destroy()
    else response.destroy()
  }
  const { url } = await grounds.serve(kind, destroy)
  expect([await post(`${url}/socket`), await post(url)]).toEqual(['cut', 'cut'])
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(await grounds.rows()).toEqual([[], []])
})

const answerAndThrow: Handler = async (request, response) => {
  await insert(request)
  if (request.url === '/part') response.write('done')
  else response.end('done')
  throw new Error('too late')
}

test.each(['Express 5', 'Express 4'] as const)('%s: one that throws as it answers has failed', async kind => {
  // Express sees that the head was sent, and cuts the connection.
  const plain = await grounds.serve(kind, answerAndThrow)
  expect([await post(plain.url), await post(`${plain.url}/part`)]).toEqual(['cut', 'cut'])
  // With this its answer is taken back, as nothing of it has been sent.
  const told = await grounds.serve(kind, answerAndThrow, { rollbackOnError: true })
  const page = '500 error page: too late'
  expect([await post(told.url), await post(`${told.url}/part`)]).toEqual([page, page])
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(await grounds.rows()).toEqual([[], []])
})

test('node:http: what was ended is the answer, whatever is thrown after it', async () => {
  const { url, errors } = await grounds.serve('node:http', answerAndThrow)
  expect(await post(url)).toBe('200 done')
  expect(errors).toMatchObject([{ message: 'too late' }])
  expect(await grounds.rows()).toEqual([['a'], []])
})

test('a length that a framework has set in Node itself goes with the answer that is taken back', async () => {
  const { url } = await grounds.serve(
    'Express 5',
    async (request, response) => {
      await insertOrphan(request)
      Object.assign(response, { _contentLength: 4 })
      response.writeHead(200, {})
      response.end('done')
    },
    {
      onError: (_error, response) => {
        response.writeHead(500)
        response.end('a page that is longer')
      },
    },
  )
  expect(await post(url)).toBe('500 a page that is longer')
})

/** What an HTTP/2 client sees: status and body, and the code if an error ended the stream. */
async function askHttp2(handler: Handler, options: MountOptions = {}) {
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const listener = sessions(grounds.engines, handler as never, { ...options, onError })
  const server = createHttp2(listener as never)
  const client = connectHttp2((await onSocket(server)).url)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const stream = client.request({ ':path': '/', ':method': 'POST' })
  stream.end()
  let answer = ''
  stream.on('response', headers => (answer += `${headers[':status']} `))
  stream.setEncoding('utf8').on('data', (text: string) => (answer += text))
  await once(stream, 'close').catch(() => {})
  return { answer, code: stream.rstCode, errors }
}

test('HTTP/2: the answer and the rows agree', async () => {
  const warned = vi.fn<(warning: Error) => void>()
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const looks: unknown[] = []
  const done = await askHttp2(async (request, response) => {
    await insert(request)
    response.writeHead(201, { 'x-a': '1' })
    response.end('done')
    looks.push(response.headersSent, response.writableEnded, response.writableFinished)
  })
  expect(done).toEqual({ answer: '201 done', code: 0, errors: [] })
  expect(looks).toEqual([true, true, false])
  const parts = await askHttp2(async (request, response) => {
    await insert(request)
    response.write('do')
    response.end('ne')
  })
  expect(parts).toEqual({ answer: '200 done', code: 0, errors: [] })
  expect((await grounds.rows())[0]).toEqual(['a', 'a'])

  const refused = await askHttp2(async (request, response) => {
    await insert(request)
    response.statusCode = 422
    response.end('no')
  })
  expect(refused).toMatchObject({ answer: '422 no' })
  const orphan: Handler = async (request, response) => {
    await insertOrphan(request)
    response.end('done')
  }
  expect(await askHttp2(orphan)).toMatchObject({
    answer: '500 Internal Server Error',
    errors: [{ code: 'EL_COMMIT_FAILED' }],
  })
  // The status can no longer be changed: the stream ends with an error.
  const flowing: Handler = async (request, response) => {
    await insertOrphan(request)
    response.write('begun')
    response.end()
  }
  expect(await askHttp2(flowing, { holdBytes: 0, streaming: 'commit last' })).toMatchObject({
    answer: '200 begun',
    code: 2,
  })
  expect((await grounds.rows())[0]).toEqual(['a', 'a'])
  expect(warned).not.toHaveBeenCalled()
})
