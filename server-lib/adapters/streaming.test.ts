import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { ask, headOf } from '../testing/clients.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import {
  insert,
  insertOrphan,
  KINDS,
  transactionGrounds,
  type Handler,
} from '../testing/transaction-server.ts'
import type { TransactionOptions } from './transaction-options.ts'

const grounds = transactionGrounds()

const MIB = 1_048_576
const committed = async () => (await grounds.rows())[0]

describe.each(KINDS)('65: %s', kind => {
  const serve = (handler: Handler, mount: TransactionOptions = {}) => grounds.serve(kind, handler, { mount })

  test('a body that is held is one, whatever its parts; a long one given to end() at once is held as well', async () => {
    const seen: string[][] = []
    const { url, errors } = await serve(async (request, response) => {
      if (request.url === '/orphan') await insertOrphan(request)
      else await insert(request)
      for (let part = 0; part < 16; part++) response.write('x'.repeat(60_000))
      await new Promise(resolve => setTimeout(resolve, 50))
      seen.push(await committed())
      response.end('y'.repeat(3 * MIB))
    })
    expect(await (await ask(url)).body).toHaveLength(16 * 60_000 + 3 * MIB)
    expect([seen, await committed()]).toEqual([[[]], ['a']])
    const { head } = await ask(`${url}/orphan`)
    expect([head.statusCode, errors.length]).toEqual([500, 1])
  })

  test('commit first: a longer body waits for the commit, then flows with its own back-pressure, byte for byte', async () => {
    const parts = Array.from({ length: 500 }, (_, at) => Buffer.alloc(20_000, at % 251))
    const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
    const answers: boolean[] = []
    const { url } = await serve(async (request, response) => {
      await insert(request)
      const { write } = response
      response.write = ((...args: [string]) => {
        const answer = write.apply(response, args as never)
        answers.push(answer)
        return answer
      }) as typeof write
      await pipeline(Readable.from(parts, { objectMode: true }), response)
    })
    const head = await headOf(url)
    const rowsAtHead = await committed()
    const hash = createHash('sha256')
    for await (const part of head) hash.update(part as Buffer)
    expect([rowsAtHead, hash.digest('hex')]).toEqual([['a'], expected])
    // The write that went over the limit had to wait; the earlier ones had not.
    expect(answers.indexOf(false)).toBe(Math.floor(MIB / 20_000))
  })

  test('commit first: a source that had to wait goes on, although the socket has room for all of it', async () => {
    const { url } = await serve(
      async (request, response) => {
        await insert(request)
        await pipeline(Readable.from(['a'.repeat(20), 'b', 'c']), response)
      },
      { holdBytes: 10 },
    )
    expect(await (await ask(url)).body).toBe(`${'a'.repeat(20)}bc`)
    expect(await committed()).toEqual(['a'])
  })

  test('commit first: a commit that fails is still an error page', async () => {
    const { url } = await serve(
      async (request, response) => {
        await insertOrphan(request)
        response.writeHead(200, { 'x-handler': 'yes' })
        await pipeline(Readable.from(Array.from({ length: 50 }, () => 'x'.repeat(1_000))), response).catch(
          () => {},
        )
      },
      { holdBytes: 10_000 },
    )
    const { head, body } = await ask(url)
    expect([head.statusCode, head.headers['x-handler']]).toEqual([500, undefined])
    expect(await body).not.toContain('x')
  })

  test('commit first: a handler that fails while a long body waits does not make it look complete', async () => {
    const { url } = await serve(
      async (request, response) => {
        await insert(request)
        response.write('x'.repeat(100))
        throw new Error('handler')
      },
      { holdBytes: 10 },
    )
    const answer = await ask(url).then(
      ({ body }) => body,
      () => '<cut>',
    )
    expect(answer).toMatch(/^x*<cut>$/)
  })

  test('commit first: a veto is asked with the status that the response has', async () => {
    const { url } = await serve(
      async (request, response) => {
        await insert(request)
        response.statusCode = 404
        response.write('not found, and at length')
        response.end('!')
      },
      { holdBytes: 4 },
    )
    expect(await (await ask(url)).body).toBe('not found, and at length!')
    expect(await committed()).toEqual([])
  })

  test('flushHeaders commits first, and what is written after it is committed before the end', async () => {
    const seen: string[][] = []
    let goOn!: () => void
    let finish!: () => void
    const going = new Promise<void>(resolve => (goOn = resolve))
    const finishing = new Promise<void>(resolve => (finish = resolve))
    const { url } = await serve(async (request, response) => {
      await insert(request, 'before')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      await going
      response.write('event 1\n')
      await insert(request, 'after')
      response.write('event 2\n')
      await finishing
      response.end('bye\n')
    })
    const { head, body } = await ask(url)
    seen.push(await committed())
    goOn()
    const [event] = (await once(head, 'data')) as [Buffer]
    expect(String(event)).toContain('event 1')
    await expect
      .poll(() =>
        grounds.databases[0].admin(
          `select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`,
        ),
      )
      .toHaveLength(1)
    seen.push(await committed())
    finish()
    expect(await body).toContain('bye')
    expect([...seen, await committed()]).toEqual([['before'], ['before'], ['before', 'after']])
  })

  test('what is asked for while the commit is under way begins after it, on any engine', async () => {
    let count = 0
    const { url, errors } = await serve(async (request, response) => {
      await insert(request, 'before')
      response.flushHeaders()
      for (let turn = 0; turn < 30; turn++) {
        await Promise.all([
          request.db.other('t').insert({ name: `${turn}` }),
          turn % 2 ? request.db.writer.query('select 1') : undefined,
        ])
        count++
      }
      response.end('end')
    })
    expect(await (await ask(url)).body).toBe('end')
    expect([count, errors, await grounds.rows()]).toEqual([
      30,
      [],
      [['before'], Array.from({ length: 30 }, (_, turn) => `${turn}`)],
    ])
  })

  test('and is refused where that commit fails, whose error page does not wait for it', async () => {
    const [database] = grounds.databases
    // Slow at COMMIT; its name sorts before the foreign key's.
    await database.admin(`
      create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return new; end $$;
      create constraint trigger "A" after insert on child deferrable initially deferred for each row execute function slowly()`)
    const seen: unknown[] = []
    const { url, errors } = await serve(async (request, response) => {
      await insertOrphan(request)
      response.flushHeaders()
      const commits = `select 1 from pg_stat_activity where query = 'COMMIT' and state = 'active' and datname = current_database()`
      await expect.poll(() => database.admin(commits), { interval: 10 }).toHaveLength(1)
      const late = request.db.other('t').insert({ name: 'late' })
      await late.catch((error: { code: string }) => seen.push(error.code))
    })
    const { head } = await ask(url)
    expect([head.statusCode, seen, errors]).toEqual([
      500,
      ['EL_ILLEGAL_MOVE'],
      [expect.objectContaining({ code: 'EL_COMMIT_FAILED' })],
    ])
    expect(await grounds.rows()).toEqual([[], []])
    await database.admin('drop function slowly cascade')
  })

  test('a body that ends with its connection is reset where its commit fails', async () => {
    const { port } = await serve(async (request, response) => {
      response.write('begin, ')
      await insertOrphan(request)
      response.end('end')
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    socket.resume()
    const [error] = (await once(socket, 'error')) as [{ code: string }]
    expect(error.code).toBe('ECONNRESET')
  })

  test('a transaction that is opened in a response that has begun: its commit is before the end, its failure cuts it', async () => {
    const { url, errors } = await serve(async (request, response) => {
      if (request.url === '/length') response.setHeader('content-length', 9)
      response.write('begin, ')
      if (request.url === '/good') await insert(request)
      else await insertOrphan(request)
      response.write('en')
      response.end()
    })
    expect(await (await ask(`${url}/good`)).body).toBe('begin, en')
    expect(await committed()).toEqual(['a'])
    // Neither chunks nor a known length may make the client believe that this was all.
    expect(await (await ask(`${url}/chunks`)).body).toMatch(/<cut>$/)
    expect(await (await ask(`${url}/length`)).body).toMatch(/^begin, <cut>$/)
    if (kind === 'node:http') expect(errors).toHaveLength(2)
    expect(await committed()).toEqual(['a'])
  })

  test('commit last: the body flows and its end waits; a commit that fails cuts it', async () => {
    const seen: string[][] = []
    let proceed!: () => void
    const { url } = await serve(
      async (request, response) => {
        if (request.url === '/good') await insert(request)
        else await insertOrphan(request)
        response.write('x'.repeat(100))
        await new Promise<void>(resolve => (proceed = resolve))
        response.end('end')
      },
      { holdBytes: 10, streaming: 'commit last' },
    )
    for (const path of ['/good', '/bad']) {
      const { head, body } = await ask(url + path)
      seen.push(await committed())
      proceed()
      const text = await body
      expect([head.statusCode, text.endsWith(path === '/good' ? 'xend' : 'x<cut>')]).toEqual([200, true])
    }
    expect([seen, await committed()]).toEqual([[[], ['a']], ['a']])
  })

  test('a body that is read from the transaction itself flows before the commit, and does not wait for itself', async () => {
    await grounds.databases[0].admin(
      `insert into t (name) select repeat('r', 1000) from generate_series(1, 3000)`,
    )
    const { url } = await serve(async (request, response) => {
      await insert(request, 'audit')
      const rows = request.db.writer.stream('select name from t')
      await pipeline(
        rows,
        async function* (source: AsyncIterable<{ name: string }>) {
          for await (const { name } of source) yield `${name}\n`
        },
        response,
      )
    })
    const text = await (await ask(url)).body
    expect([text.length, text.endsWith('audit\n')]).toEqual([3_000 * 1_001 + 6, true])
    expect(await committed()).toHaveLength(3_001)
  })

  test('64: a client that leaves in the middle of a stream rolls back what was opened since', async () => {
    const { url } = await serve(async (request, response) => {
      await insert(request, 'first')
      response.flushHeaders()
      await expect.poll(committed).toEqual(['first'])
      await insert(request, 'second')
      const forever = setInterval(() => response.write('tick\n'), 10)
      response.on('close', () => clearInterval(forever))
    })
    const asked = httpRequest(url, { agent: false }).end()
    asked.on('error', () => {})
    const [head] = (await once(asked, 'response')) as [IncomingMessage]
    head.on('error', () => {})
    await once(head, 'data')
    asked.destroy()
    await expectQuiet(grounds.databases[0])
    expect(await committed()).toEqual(['first'])
  })
})
