import { describe, expect, onTestFinished, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { insert, KINDS, transactionGrounds, type Handler } from '../testing/transaction-server.ts'

const grounds = transactionGrounds()
const { serve } = grounds

/** Writes to both databases and answers with this status. */
const writesAndAnswers =
  (status: number, headers: Record<string, string> = {}): Handler =>
  async (request, response) => {
    await request.db.writer('t').insert({ name: 'a' })
    await request.db.other('t').insert({ name: 'b' })
    response.writeHead(status, headers)
    response.end('done')
  }

const BOTH = [['a'], ['b']]
const NONE = [[], []]

describe.each(['Express 5', 'Express 4'] as const)('%s', kind => {
  test('56: an error that was handled is rolled back by the status of its page', async () => {
    const { url } = await serve(
      kind,
      async request => {
        await request.db.writer('t').insert({ name: 'a' })
        throw new Error('handler')
      },
      {
        onError: (_error, response) => {
          response.statusCode = 422
          response.end('sorry')
        },
      },
    )
    expect([(await fetch(url)).status, await grounds.rows()]).toEqual([422, NONE])
  })

  test('56: and whatever its page is, where rollbackOnError is mounted', async () => {
    const answersOk = {
      onError: (_error: unknown, response: { end(text: string): void }) => response.end('fine'),
      mount: { veto: false as const },
    }
    const fails: Handler = async request => {
      await request.db.writer('t').insert({ name: 'a' })
      throw new Error('handler')
    }
    const { url, close } = await serve(kind, fails, { ...answersOk, rollbackOnError: true })
    expect([(await fetch(url)).status, await grounds.rows()]).toEqual([200, NONE])
    await close()
    // Without `rollbackOnError` the error page counts as the answer of a request that succeeded.
    const other = await serve(kind, fails, answersOk)
    expect([(await fetch(other.url)).status, await grounds.rows()]).toEqual([200, [['a'], []]])
  })
})

describe.each(KINDS)('%s', kind => {
  const isExpress = kind !== 'node:http'

  test('54: a request that succeeded is committed on every engine before its response has come', async () => {
    const { url } = await serve(kind, writesAndAnswers(201))
    const response = await fetch(url)
    // Checked before the body is read.
    expect(await grounds.rows()).toEqual(BOTH)
    expect([response.status, await response.text()]).toEqual([201, 'done'])
    const redirect = await fetch(url, { redirect: 'manual' })
    expect(redirect.status).toBe(201)
  })

  test('54: a redirect is a success as well', async () => {
    const { url } = await serve(kind, writesAndAnswers(303, { location: '/next' }))
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(303)
    expect(await grounds.rows()).toEqual(BOTH)
  })

  test('54: with nothing enlisted a request is as it was: an engine that is not transactional is not committed', async () => {
    const { messages, stop } = listen('commit')
    const { url } = await serve(kind, async (request, response) => {
      await request.db.manual('t').insert({ name: 'lost' })
      await request.db.logger('t').insert({ name: 'logged' })
      response.end('done')
    })
    expect(await (await fetch(url)).text()).toBe('done')
    await expectQuiet(grounds.databases[0])
    stop()
    expect(messages).toEqual([])
    expect(await grounds.rows()).toEqual([['logged'], []])
  })

  test('54: one transactional engine takes every other that is open into the commit', async () => {
    const { url } = await serve(kind, async (request, response) => {
      await request.db.manual('t').insert({ name: 'asked' })
      await request.db.writer('t').insert({ name: 'a' })
      response.end('done')
    })
    expect((await fetch(url)).status).toBe(200)
    expect(await grounds.rows()).toEqual([['asked', 'a'], []])
  })

  test('54: hooks are called once, after the commit and before the response', async () => {
    const told: string[] = []
    const { url } = await serve(kind, async (request, response) => {
      request.db.afterCommit(async () => void told.push(`committed ${(await grounds.rows()).join()}`))
      await request.db.writer('t').insert({ name: 'a' })
      response.end('done')
    })
    await (await fetch(url)).text()
    expect(told).toEqual(['committed a,'])
  })

  test('55: a handler that throws is rolled back, and its error is told', async () => {
    const { url, errors } = await serve(kind, async request => {
      await request.db.writer('t').insert({ name: 'a' })
      await request.db.other('t').insert({ name: 'b' })
      throw new Error('handler')
    })
    const response = await fetch(url)
    expect(response.status).toBe(500)
    expect(await grounds.rows()).toEqual(NONE)
    expect(errors).toEqual([expect.objectContaining({ message: 'handler' })])
  })

  test('55: of a handler that throws after it has begun its answer nothing is committed', async () => {
    const { url, errors } = await serve(kind, async (request, response) => {
      await request.db.writer('t').insert({ name: 'a' })
      response.write('half of ')
      throw new Error('handler')
    })
    const answer = await fetch(url).then(
      response => response.status,
      () => 'cut',
    )
    // Once an answer has begun, Express calls no error handler and cuts the connection.
    expect(answer).toBe(isExpress ? 'cut' : 500)
    await expectQuiet(grounds.databases[0])
    expect(await grounds.rows()).toEqual(NONE)
    expect(errors).toHaveLength(isExpress ? 0 : 1)
  })

  test('57: a veto by status, which can be replaced or taken away', async () => {
    const { messages, stop } = listen('session')
    const { url, close } = await serve(kind, writesAndAnswers(409))
    const response = await fetch(url)
    expect([response.status, await response.text(), await grounds.rows()]).toEqual([409, 'done', NONE])
    stop()
    const endings = messages.filter(({ phase }) => phase === 'ending')
    expect(endings).toEqual([
      expect.objectContaining({ engine: 'writer', why: 'vetoed' }),
      expect.objectContaining({ engine: 'other', why: 'vetoed' }),
    ])
    await close()

    const without = await serve(kind, writesAndAnswers(409), { mount: { veto: false } })
    expect([(await fetch(without.url)).status, await grounds.rows()]).toEqual([409, BOTH])
    await without.close()
    await Promise.all(grounds.databases.map(({ admin }) => admin('truncate t cascade')))

    const asked: unknown[] = []
    const veto = async (request: { url?: string }, response: { statusCode: number }) => {
      asked.push([request.url, response.statusCode])
      return request.url === '/no'
    }
    const own = await serve(kind, writesAndAnswers(200), { mount: { veto } })
    expect((await fetch(`${own.url}/no`)).status).toBe(200)
    expect(await grounds.rows()).toEqual(NONE)
    expect((await fetch(`${own.url}/yes`)).status).toBe(200)
    expect(await grounds.rows()).toEqual(BOTH)
    expect(asked).toEqual([
      ['/no', 200],
      ['/yes', 200],
    ])
  })

  test('57: a veto that never answers is a rollback when its time is over, and the client is told', async () => {
    const engines = createEngines({
      writer: engine()({ connection: grounds.databases[0].url, transactional: true, commitTimeoutMs: 150 }),
    })
    onTestFinished(async () => void (await engines.close()))
    const mount = { veto: () => new Promise<boolean>(() => {}) }
    const { url, errors } = await serve(
      kind,
      (request, response) => insert(request).then(() => void response.end('done')),
      { engines, mount },
    )
    expect((await fetch(url)).status).toBe(500)
    expect(await grounds.rows()).toEqual(NONE)
    expect(errors).toEqual([expect.objectContaining({ code: 'EL_HOOK_TIMEOUT', timeoutMs: 150 })])
  })

  test('57: the header X-Tm decides before any veto, and is not sent', async () => {
    for (const [status, value, expected] of [
      [200, 'abort', NONE],
      [200, '', NONE],
      [500, 'commit', BOTH],
    ] as const) {
      for (const inWriteHead of [true, false]) {
        const { url, close } = await serve(kind, async (request, response) => {
          await request.db.writer('t').insert({ name: 'a' })
          await request.db.other('t').insert({ name: 'b' })
          if (inWriteHead) response.writeHead(status, ['X-Tm', value, 'x-other', 'stays'])
          else response.setHeader('X-TM', value).setHeader('x-other', 'stays').statusCode = status
          response.end('done')
        })
        const response = await fetch(url)
        expect([response.status, await grounds.rows()]).toEqual([status, expected])
        expect([response.headers.get('x-tm'), response.headers.get('x-other')]).toEqual([null, 'stays'])
        await close()
        await Promise.all(grounds.databases.map(({ admin }) => admin('truncate t cascade')))
      }
    }
    const { url } = await serve(
      kind,
      (_request, response) => void response.setHeader('x-tm', 'abort').end('untouched'),
    )
    expect((await fetch(url)).headers.get('x-tm')).toBe(null)
  })

  test('57: a veto that throws is a failure of the request', async () => {
    const veto = () => {
      throw new Error('veto')
    }
    const { url, errors } = await serve(kind, writesAndAnswers(200), { mount: { veto } })
    expect([(await fetch(url)).status, await grounds.rows()]).toEqual([500, NONE])
    expect(errors).toEqual([expect.objectContaining({ message: 'veto' })])
  })

  test('58: a doomed request is rolled back and keeps its response', async () => {
    const { messages, stop } = listen('session')
    const { url, errors } = await serve(kind, async (request, response) => {
      await request.db.writer('t').insert({ name: 'a' })
      request.db.doom('dry run')
      await request.db.other('t').insert({ name: 'b' })
      response.setHeader('x-kept', 'yes').end('as if')
    })
    const response = await fetch(url)
    stop()
    expect([response.status, response.headers.get('x-kept'), await response.text()]).toEqual([
      200,
      'yes',
      'as if',
    ])
    expect([await grounds.rows(), errors]).toEqual([NONE, []])
    expect(messages.filter(({ phase }) => phase === 'ending')).toEqual([
      expect.objectContaining({ why: 'doomed' }),
      expect.objectContaining({ why: 'doomed' }),
    ])
  })

  test('59: an inactive request is not committed, and may do so itself', async () => {
    const { url } = await serve(
      kind,
      async (request, response) => {
        await request.db.writer('t').insert({ name: String(request.url) })
        if (request.url === '/own') await request.db.commit()
        response.end('done')
      },
      { mount: { activate: request => request.url === '/active' } },
    )
    for (const path of ['/active', '/inactive', '/own']) await (await fetch(url + path)).text()
    await expectQuiet(grounds.databases[0])
    expect(await grounds.rows()).toEqual([['/active', '/own'], []])
  })

  test('60: a container is refused before the request and after it, and sessions do not commit by themselves', async () => {
    const seen: unknown[] = []
    let kept: Parameters<Handler>[0]['db'] | undefined
    const codeOf = (error: unknown) => (error as { code?: string }).code
    expect(() => grounds.engines.current).toThrow(expect.objectContaining({ code: 'EL_NO_SCOPE' }))
    const { url } = await serve(kind, async (request, response) => {
      const { db } = request
      kept = db
      await db.writer('t').insert({ name: 'a' })
      for (const move of ['commit', 'rollback', 'release'] as const) {
        await db.writer[move]().catch((error: unknown) => seen.push(codeOf(error)))
      }
      await db.writer
        .savepoint(async () => {
          await db.writer('t').insert({ name: 'part' })
          throw new Error('taken back')
        })
        .catch(() => {})
      response.end('done')
    })
    await (await fetch(url)).text()
    expect(seen).toEqual(['EL_ILLEGAL_MOVE', 'EL_ILLEGAL_MOVE', 'EL_ILLEGAL_MOVE'])
    await expect.poll(() => kept?.commit().catch(codeOf)).toBe('EL_ENDED')
    await expect(async () => kept?.writer('t')).rejects.toMatchObject({ code: 'EL_ENDED' })
    expect(await grounds.rows()).toEqual([['a'], []])
  })

  test('61: a commit that fails is an error page, and not the response of a success', async () => {
    const { url, errors } = await serve(kind, async (request, response) => {
      await request.db.other('t').insert({ name: 'b' })
      await request.db.writer('child').insert({ parent: 4711 })
      response.setHeader('set-cookie', 'signed=in')
      response.writeHead(201, 'Made', { etag: '"1"', 'content-length': '4', 'cache-control': 'max-age=9' })
      response.write('do')
      response.end('ne')
    })
    const response = await fetch(url)
    expect(response.status).toBe(500)
    expect(response.statusText).toBe('Internal Server Error')
    expect(await response.text()).toBe(isExpress ? 'error page: EL_COMMIT_FAILED' : 'Internal Server Error')
    for (const name of ['set-cookie', 'etag', 'cache-control']) expect(response.headers.get(name)).toBe(null)
    expect(errors).toEqual([expect.objectContaining({ code: 'EL_COMMIT_FAILED', sqlstate: '23503' })])
    expect(await grounds.rows()).toEqual(NONE)
  })

  test('61: a statement that failed and was swallowed is not a success either', async () => {
    const { url, errors } = await serve(kind, async (request, response) => {
      await request.db.writer('t').insert({ name: 'a' })
      await request.db.writer.query('select 1/0').catch(() => {})
      response.end('fine')
    })
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'EL_COMMIT_ROLLED_BACK' })])
    expect(await grounds.rows()).toEqual(NONE)
  })

  test('61: nor is a commit that the handler asked for itself, and whose failure it swallowed', async () => {
    const { url, errors } = await serve(kind, async (request, response) => {
      await request.db.writer('child').insert({ parent: 4711 })
      await request.db.commit().catch(() => {})
      response.end('fine')
    })
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'EL_ILLEGAL_MOVE' })])
  })

  test('63: a request is never repeated by itself', async () => {
    let calls = 0
    const { url, errors } = await serve(kind, async (request, response) => {
      calls++
      await request.db.writer('t').insert({ name: 'a' })
      await request.db.writer.query(
        `do $$ begin raise exception 'serialization' using errcode = '40001'; end $$`,
      )
      response.end('done')
    })
    expect((await fetch(url)).status).toBe(500)
    expect([calls, errors.length]).toEqual([1, 1])
    expect(errors).toEqual([expect.objectContaining({ code: '40001' })])
  })

  test('under load, what was answered with success is what is committed, on both databases', async () => {
    const { url } = await serve(kind, async (request, response) => {
      const [, how, name] = String(request.url).split('/')
      await request.db.writer('t').insert({ name })
      await request.db.other('t').insert({ name })
      switch (how) {
        case 'throws':
          throw new Error('handler')
        case 'orphan':
          await request.db.writer('child').insert({ parent: 4711 })
          break
        case 'refused':
          response.statusCode = 409
          break
        case 'doomed':
          request.db.doom()
          response.statusCode = 202
          break
        case 'leaves':
          await request.db.writer.query('select pg_sleep(5)')
      }
      response.write('a')
      response.end('b')
    })
    const ways = ['good', 'throws', 'orphan', 'refused', 'doomed', 'leaves', 'good', 'good']
    const good: string[] = []
    const one = async (at: number) => {
      const how = ways[at % ways.length] as string
      const signal = how === 'leaves' ? AbortSignal.timeout(30 + at) : null
      const answer = await fetch(`${url}/${how}/${at}`, { signal }).catch(() => undefined)
      if (answer?.status === 200) {
        expect(await answer.text()).toBe('ab')
        good.push(String(at))
      }
    }
    await Promise.all(Array.from({ length: 96 }, (_, at) => one(at)))
    await expectQuiet(grounds.databases[0])
    await expectQuiet(grounds.databases[1])
    expect(good).toHaveLength(36)
    const [first, second] = await grounds.rows()
    expect(first.toSorted()).toEqual(good.toSorted())
    expect(second.toSorted()).toEqual(good.toSorted())
  })
})
