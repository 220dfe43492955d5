import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGzip, type Gzip } from 'node:zlib'
import express, { type ErrorRequestHandler, type RequestHandler, type Response } from 'express'
import express4 from 'express4'
import { describe, expect, test } from 'vitest'
import { ask, headOf, onSocket, raw } from '../../testing/clients.ts'
import { expectQuiet } from '../../testing/ground-truth.ts'
import {
  insert,
  insertOrphan,
  KINDS,
  transactionGrounds,
  type Handler,
} from '../../testing/transaction-server.ts'

const grounds = transactionGrounds()
const { serve } = grounds

const codeOf = (fn: () => unknown) => {
  try {
    fn()
    return 'none'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** The order of `finish` and the callback of `end` in a response that is not held: Node 24 reversed it. */
async function nodesOwnEnd(): Promise<string[]> {
  const order: string[] = []
  const server = createServer((_request, response) => {
    response.on('finish', () => order.push('finish'))
    response.end('', () => order.push('end called'))
  })
  const { url } = await onSocket(server)
  await (await fetch(url)).text()
  await expect.poll(() => order.length).toBe(2)
  server.close()
  return order
}

describe.each(KINDS)('%s', kind => {
  test('a held response looks sent to its handler, and its events come in their order', async () => {
    const told: unknown[] = []
    let isDone: Promise<unknown> | undefined
    const { url } = await serve(kind, async (request, response) => {
      isDone = once(response, 'close')
      for (const event of ['prefinish', 'finish', 'close']) response.on(event, () => told.push(event))
      await insert(request)
      told.push(response.writeHead(200, 'Fine', { 'x-a': '1' }) === response, response.headersSent)
      told.push(
        codeOf(() => response.setHeader('x-b', '2')),
        codeOf(() => response.writeHead(201)),
      )
      told.push(
        response.write('one '),
        response.write('two ', () => told.push('written')),
      )
      told.push(response.end('three', () => told.push('end called')) === response)
      told.push(response.writableEnded, response.writableFinished, response.headersSent)
    })
    const response = await fetch(url)
    expect([response.statusText, await response.text()]).toEqual(['Fine', 'one two three'])
    await isDone
    const answers = [true, true, 'ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT', true, true, true]
    const ended = [true, false, true, 'written', 'prefinish', ...(await nodesOwnEnd()), 'close']
    expect(told).toEqual([...answers, ...ended])
    expect(await grounds.rows()).toEqual([['a'], []])
  })

  test('what Node refuses is refused where it is called', async () => {
    let codes: unknown[] = []
    const { url } = await serve(kind, async (request, response) => {
      await insert(request)
      codes = [
        codeOf(() => response.writeHead(99)),
        codeOf(() => response.writeHead(200, 'bad\nmessage')),
        codeOf(() => response.writeHead(200, { 'x-bad': 'a\nb' })),
        codeOf(() => response.writeHead(200, ['odd'])),
        codeOf(() => response.write(null as never)),
        codeOf(() => response.write(5 as never)),
        codeOf(() => response.write('a', 'utf-99' as never)),
        codeOf(() => response.end(5 as never)),
      ]
      expect(response.headersSent).toBe(false)
      response.end('ok')
    })
    expect(await (await fetch(url)).text()).toBe('ok')
    expect(codes).toEqual([
      'ERR_HTTP_INVALID_STATUS_CODE',
      'ERR_INVALID_CHAR',
      'ERR_INVALID_CHAR',
      'ERR_INVALID_ARG_VALUE',
      'ERR_STREAM_NULL_VALUES',
      'ERR_INVALID_ARG_TYPE',
      'ERR_UNKNOWN_ENCODING',
      'ERR_INVALID_ARG_TYPE',
    ])
  })

  test('a second answer is refused as without us, and the first is whole', async () => {
    const told: unknown[] = []
    const { url } = await serve(kind, async (request, response) => {
      response.on('error', (error: { code?: string }) => told.push(error.code))
      await insert(request)
      response.end('first')
      response.end()
      response.write('second', (error?: Error | null) => told.push((error as { code?: string }).code))
      response.end('second', (error?: unknown) => told.push((error as { code?: string }).code))
    })
    expect(await (await fetch(url)).text()).toBe('first')
    await expect.poll(() => told).toHaveLength(4)
    expect(new Set(told)).toEqual(new Set(['ERR_STREAM_WRITE_AFTER_END']))
  })

  test('what goes over the wire is what Node alone sends: HEAD, 204, 304, trailers, lengths, raw headers', async () => {
    const answers: Record<string, (response: Parameters<Handler>[1]) => void> = {
      '/length': response => void response.end('ä€'),
      '/latin': response => void response.end('ä', 'latin1'),
      '/chunks': response => {
        response.write('a')
        response.write(Buffer.from('b'))
        response.end()
      },
      '/204': response => void response.writeHead(204).end(),
      '/304': response => void response.writeHead(304, { etag: '"1"' }).end('ignored'),
      '/raw': response => void response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'),
      '/both': response => void response.setHeader('X-Set', '1').writeHead(200, { 'X-Given': '2' }).end('x'),
      '/trailers': response => {
        response.writeHead(200, { trailer: 'x-sum' })
        response.write('body')
        response.addTrailers({ 'x-sum': '4' })
        response.end()
      },
      '/length-in-parts': response => {
        response.writeHead(200, { 'content-length': '4' })
        response.write('ab')
        response.write('cd')
        response.end()
      },
      '/empty': response => void response.end(),
      '/message': response => {
        response.statusMessage = 'Very Fine'
        response.end('x')
      },
    }
    let isHeld = true
    const { port } = await serve(kind, async (request, response) => {
      if (isHeld) await insert(request)
      answers[String(request.url)]?.(response)
    })
    const ask = async (path: string, method: string) =>
      (await raw(port, `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).replace(
        /^Date: .*$/m,
        '',
      )
    for (const path of Object.keys(answers)) {
      for (const method of ['GET', 'HEAD']) {
        isHeld = true
        const held = await ask(path, method)
        isHeld = false
        expect(held, `${method} ${path}`).toBe(await ask(path, method))
        // Trailers need a body.
        expect(held).toMatch(method + path === 'HEAD/trailers' ? /^HTTP\/1\.1 500/ : /^HTTP\/1\.1 [23]/)
      }
    }
    expect((await grounds.rows())[0]).toHaveLength(Object.keys(answers).length * 2 - 1)
  })

  test('requests on one connection, sent ahead, are answered in their order; an old client too', async () => {
    const { port } = await serve(kind, async (request, response) => {
      const name = String(request.url)
      // The first ones take longer.
      await request.db.writer.query('select pg_sleep($1)', [name === '/0' ? 0.15 : 0])
      await insert(request, name)
      response.end(`<${name}>`)
    })
    const ahead = ['/0', '/1', '/2'].map(path => `GET ${path} HTTP/1.1\r\nhost: x\r\n`)
    const answer = await raw(port, `${ahead.join('\r\n')}connection: close\r\n\r\n`)
    expect(answer.match(/<.*?>/g)).toEqual(['</0>', '</1>', '</2>'])
    expect((await grounds.rows())[0].toSorted()).toEqual(['/0', '/1', '/2'])
    const old = await raw(port, 'GET /old HTTP/1.0\r\n\r\n')
    expect(old).toMatch(/<\/old>$/)
  })

  test('a connection that is kept serves the next request after a commit that failed', async () => {
    const { url, server } = await serve(kind, async (request, response) => {
      if (request.url === '/bad') await insertOrphan(request)
      else await insert(request)
      response.writeHead(200, { 'content-length': '4' }).end('good')
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let connections = 0
    server.on('connection', () => connections++)
    const statuses: number[] = []
    for (const path of ['/good', '/bad', '/good', '/bad', '/good']) {
      const response = await headOf(url + path, { agent })
      statuses.push(response.statusCode as number)
      for await (const _part of response);
    }
    agent.destroy()
    expect([statuses, connections]).toEqual([[200, 500, 200, 500, 200], 1])
    expect((await grounds.rows())[0]).toHaveLength(3)
  })

  test('64: a client that leaves while the handler works, or while its response is held, leaves nothing behind', async () => {
    const seen: unknown[] = []
    const { port, errors } = await serve(kind, async (request, response) => {
      await insert(request)
      if (request.url === '/handler') {
        await request.db.writer
          .query('select pg_sleep(20)')
          .catch((error: { code: string }) => seen.push(error.code))
        return
      }
      request.db.beforeCommit(() => request.db.writer.query('select pg_sleep(20)'))
      response.on('close', () => seen.push('closed'))
      response.end('held')
    })
    for (const path of ['/handler', '/held']) {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
      await expect
        .poll(() => grounds.databases[0].backends())
        .toContainEqual(expect.objectContaining({ state: 'active', query: 'select pg_sleep(20)' }))
      socket.destroy()
      await expectQuiet(grounds.databases[0])
    }
    await expect.poll(() => seen).toEqual(['EL_ENDED', 'closed'])
    expect([await grounds.rows(), errors]).toEqual([[[], []], []])
  })

  test('an answer does not overtake the only statement, although nobody awaited it', async () => {
    const { url } = await serve(kind, (request, response) => {
      const { writer } = request.db
      switch (request.url) {
        case '/session':
          void insert(request, 'session').then(() => {})
          break
        // Goes through a runner of knex, which takes a while.
        case '/knex':
          void writer
            .knex('t')
            .insert({ name: 'knex' })
            .then(() => {})
          break
        default:
          void writer.query(`insert into t (name) values ('text')`)
      }
      response.end('done')
    })
    for (const path of ['/session', '/knex', '/text']) await (await fetch(url + path)).text()
    expect(await grounds.rows()).toEqual([['session', 'knex', 'text'], []])
  })

  test('a handler that fails in the middle of an answer in which nothing is open is answered as ever', async () => {
    const { url, errors } = await serve(kind, (_request, response) => {
      response.write('half')
      throw new Error('handler')
    })
    const ask = async () => (await fetch(url)).text()
    const text = await ask().catch(() => 'cut')
    expect(text).toBe(kind === 'node:http' ? 'half' : 'cut')
    expect(errors).toHaveLength(kind === 'node:http' ? 1 : 0)
  })

  test('a statement that nobody awaited is committed with the rest, and one that does not end is an error', async () => {
    const { url, errors } = await serve(kind, async (request, response) => {
      await insert(request, String(request.url))
      void request.db.writer
        .query(`insert into t (name) select 'late' from pg_sleep(${request.url === '/ends' ? 0.1 : 30})`)
        .catch(() => {})
      response.end('done')
    })
    expect((await fetch(`${url}/ends`)).status).toBe(200)
    const at = performance.now()
    expect((await fetch(`${url}/hangs`)).status).toBe(500)
    expect(performance.now() - at).toBeLessThan(4_000)
    expect(errors).toEqual([
      expect.objectContaining({ code: 'EL_ILLEGAL_MOVE', engine: 'writer', waitedMs: 1_000 }),
    ])
    expect(await grounds.rows()).toEqual([['/ends', 'late'], []])
  })
})

/** A typical compressor: its own `write`, `end` and `on`, and its headers set when the head is written. */
const compressor: RequestHandler = (_request, response, next) => {
  const { write, end, on, writeHead } = response as unknown as Record<string, (...args: unknown[]) => unknown>
  let gzip: Gzip | undefined
  let isEnded = false
  const waiting: [string, never][] = []
  const begin = () => {
    if (!response.headersSent) response.writeHead(response.statusCode)
  }
  Object.assign(response, {
    writeHead(...args: unknown[]) {
      if (!gzip) {
        gzip = createGzip({ level: 0 })
        response.setHeader('content-encoding', 'gzip')
        response.removeHeader('content-length')
        for (const [name, listener] of waiting) gzip.on(name, listener)
        gzip.on('data', part => {
          if (write?.call(response, part) === false) gzip?.pause()
        })
        gzip.on('end', () => end?.call(response))
        on?.call(response, 'drain', () => gzip?.resume())
      }
      return writeHead?.apply(response, args)
    },
    write(part: string | Buffer, encoding: BufferEncoding) {
      if (isEnded) return false
      begin()
      return gzip?.write(part, encoding)
    },
    end(part?: string | Buffer) {
      if (isEnded) return false
      begin()
      isEnded = true
      return gzip?.end(part)
    },
    on(name: string, listener: never) {
      if (name !== 'drain') return on?.call(response, name, listener)
      if (gzip) gzip.on(name, listener)
      else waiting.push([name, listener])
      return response
    },
  })
  next()
}

describe.each(['Express 5', 'Express 4'] as const)('%s', kind => {
  const file = join(tmpdir(), `enginelight-held-${process.pid}-${kind.replace(' ', '')}.txt`)

  test('send, json, redirect, sendStatus, sendFile, a fresh ETag and a second send are as without us', async () => {
    writeFileSync(file, 'x'.repeat(100_000))
    let isHeld = true
    const seen: unknown[] = []
    const { url } = await serve(kind, async (request, bare) => {
      const response = bare as unknown as Response
      if (isHeld) await insert(request)
      switch (request.url) {
        case '/send':
          return response.send('text')
        case '/json':
          return response.status(201).json({ a: 1 })
        case '/redirect':
          return response.redirect('/next')
        case '/status':
          return response.sendStatus(202)
        case '/file':
          return response.sendFile(file)
        case '/twice':
          response.send('first')
          seen.push(codeOf(() => response.send('second')))
          return response
        default:
          return response.end()
      }
    })
    const answer = async (path: string, headers: Record<string, string> = {}) => {
      const { head, body } = await ask(url + path, { headers })
      const { date, ...rest } = head.headers
      return { status: head.statusCode, rest, text: await body, hasDate: date !== undefined }
    }
    for (const path of ['/send', '/json', '/redirect', '/status', '/file', '/twice']) {
      isHeld = true
      const held = await answer(path)
      const cached = { 'if-none-match': held.rest.etag ?? '' }
      const fresh = await answer(path, cached)
      isHeld = false
      expect(held, path).toEqual(await answer(path))
      expect(fresh, path).toEqual(await answer(path, cached))
      if (path === '/send' || path === '/file') expect(fresh.status).toBe(304)
    }
    expect(new Set(seen)).toEqual(new Set(['ERR_HTTP_HEADERS_SENT']))
  })

  test.each(['before', 'after'] as const)('a compressor that is mounted %s', async where => {
    const bodies: Record<string, string[]> = {
      '/short': ['short'],
      // More than is held, and less than the compressor takes before it asks for a pause.
      '/some': Array.from({ length: 6 }, () => 'z'.repeat(600)),
      '/long': Array.from({ length: 90 }, () => 'y'.repeat(40_000)),
      '/bad': ['bad'],
    }
    const { url } = await serve(
      kind,
      async (request, response) => {
        if (request.url === '/bad') await insertOrphan(request)
        else await insert(request)
        await pipeline(Readable.from(bodies[String(request.url)] ?? []), response)
      },
      {
        [where]: [compressor],
        mount: { holdBytes: 1_000 },
        onError: (_error, response) => {
          response.statusCode = 500
          Readable.from(bodies['/long'] ?? []).pipe(response)
        },
      },
    )
    for (const path of ['/short', '/some', '/long', '/bad']) {
      const response = await fetch(url + path)
      const isBad = path === '/bad'
      expect(response.status).toBe(isBad ? 500 : 200)
      expect(await response.text(), path).toBe(bodies[isBad ? '/long' : path]?.join(''))
      // An error page must not go through a method that has already ended the answer.
      expect(response.headers.get('content-encoding')).toBe(isBad && where === 'after' ? null : 'gzip')
    }
    expect((await grounds.rows())[0]).toEqual(['a', 'a', 'a'])
  })

  test('an error page is answered by the router in which the handler was found', async () => {
    const make = kind === 'Express 5' ? express : (express4 as unknown as typeof express)
    const router = make.Router()
    router.get('/bad', (request, response, next) => {
      const work = async () => {
        await insertOrphan(request as never)
        response.send('good')
      }
      work().catch(next)
    })
    router.use(((_error, _request, response, _next) => {
      response.status(503).send('of the router')
    }) as ErrorRequestHandler)
    const { url, errors } = await serve(kind, () => {}, { after: [make().use('/deep', router) as never] })
    const response = await fetch(`${url}/deep/bad`)
    expect([response.status, await response.text(), errors]).toEqual([503, 'of the router', []])
  })

  test('headers that were set before the mount stay on the error page', async () => {
    const { url } = await serve(
      kind,
      async (request, response) => {
        await insertOrphan(request)
        response.setHeader('x-handler', 'no').removeHeader('x-cors')
        response.end('good')
      },
      { before: [(_request, response, next) => void next(response.set('X-Cors', '*') && undefined)] },
    )
    const { headers } = await fetch(url)
    expect([headers.get('x-cors'), headers.get('x-handler')]).toEqual(['*', null])
  })

  test('the error page may use the database, and nothing of that is committed', async () => {
    const seen: unknown[] = []
    const { url } = await serve(
      kind,
      async (request, response) => {
        await insertOrphan(request)
        Object.assign(response, { request })
        response.end('good')
      },
      {
        onError: (_error, response) => {
          const { request } = response as unknown as { request: Parameters<Handler>[0] }
          const work = async () => {
            seen.push((await request.db.writer.query('select 1 as one')).rows)
            await insert(request, 'of the error page')
            response.statusCode = 200
            response.end('page')
          }
          void work()
        },
      },
    )
    expect(await (await fetch(url)).text()).toBe('page')
    expect(seen).toEqual([[{ one: 1 }]])
    await expectQuiet(grounds.databases[0])
    expect(await grounds.rows()).toEqual([[], []])
  })
})
