import type { ServerResponse } from 'node:http'
import express from 'express'
import { describe, expect, test } from 'vitest'
import { listen } from '../testing/story.ts'
import { KINDS, transactionGrounds, type Handler } from '../testing/transaction-server.ts'
import { createEngines, engine } from '../index.ts'
import { sessions } from './express.ts'
import type { MountOptions } from './mount.ts'

const grounds = transactionGrounds()

describe.each(KINDS)('%s', kind => {
  const serve = (handler: Handler, mount: MountOptions = {}) => grounds.serve(kind, handler, { mount })

  test('62: a request says of itself what triggers of the server want to know, for its transactions alone', async () => {
    const [database] = grounds.databases
    const { messages, stop } = listen()
    const seen: unknown[] = []
    const { url, errors } = await serve(
      async (request, response) => {
        const asked = `select current_setting('enginelight.user', true) as user, current_setting('enginelight.path', true) as path`
        seen.push(
          (await request.db.writer.query(asked)).rows[0],
          (await request.db.manual.query(asked)).rows[0],
        )
        response.end('done')
      },
      {
        annotate: request => ({
          user: request.headers['x-user'] as string | undefined,
          path: request.url,
        }),
      },
    )
    const evil = `o'\\''; drop table t; --`
    await (await fetch(`${url}/a`, { headers: { 'x-user': evil } })).text()
    await (await fetch(`${url}/b`)).text()
    stop()
    expect(errors).toEqual([])
    const first = { user: evil, path: '/a' }
    // A setting that was set once before reads as an empty text on the server.
    const second = { user: expect.toBeOneOf(['', null]), path: '/b' }
    expect(seen).toEqual([first, first, second, second])
    expect(await database.admin('select count(*)::int as n from t')).toEqual([{ n: 0 }])
    expect(JSON.stringify(messages)).not.toContain('drop table')
    await (await fetch(`${url}/${'x'.repeat(2_000)}`)).text()
    expect(errors).toEqual([expect.objectContaining({ code: 'EL_CONFIG', option: 'annotate' })])
  })

  test('annotate that throws is an error of the application, and no lost connection', async () => {
    const bug = new TypeError('a bug in annotate')
    let left = 1
    const states: string[] = []
    const { url, errors } = await serve(
      async (request, response) => {
        await request.db.writer.query('select 1').catch((error: unknown) => {
          states.push(request.db.writer.state)
          if (left-- > 0) throw error
        })
        response.end('done')
      },
      {
        annotate: () => {
          throw bug
        },
      },
    )
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([bug])
    expect(states).toEqual(['idle'])
  })

  test('an option that throws is an error of the request', async () => {
    const { messages, stop } = listen('request')
    const activate = () => {
      throw new Error('activate')
    }
    const { url, errors } = await serve((_request, response) => void response.end('never'), { activate })
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ message: 'activate' })])
    await expect.poll(() => messages.at(-1)).toMatchObject({ phase: 'end', outcome: 'failed' })
    stop()
  })

  test('67: a test gives its own container, which it rolls back itself', async () => {
    const db = grounds.engines.open()
    const { url, errors } = await serve(
      async (request, response) => {
        expect(grounds.engines.current).toBe(request.db)
        if (request.url === '/fail') throw new Error('handler')
        await request.db.writer('t').insert({ name: String(request.url) })
        // Joins the request's transaction, and leaves the commit to it.
        await grounds.engines.run(db => db.other('t').insert({ name: 'joined' }))
        const { rowCount } = await request.db.writer.query('select name from t')
        response.end(String(rowCount))
      },
      { container: request => (request.url === '/own' ? undefined : db) },
    )
    expect(await (await fetch(`${url}/1`)).text()).toBe('1')
    expect((await fetch(`${url}/fail`)).status).toBe(500)
    expect(errors).toHaveLength(1)
    expect(await (await fetch(`${url}/2`)).text()).toBe('2')
    expect(await grounds.rows()).toEqual([[], []])
    await db.rollback()
    await db.end()
    expect(await (await fetch(`${url}/own`)).text()).toBe('1')
    expect(await grounds.rows()).toEqual([['/own'], ['joined']])
  })
})

test('66: mounts within mounts commit once, and the first that is active says how', async () => {
  const { messages, stop } = listen('commit')
  const asked: string[] = []
  const veto =
    (name: string) =>
    (_request: unknown, { statusCode }: ServerResponse) => {
      asked.push(name)
      return statusCode >= 500
    }
  const router = express.Router()
  router.use(sessions(grounds.engines, { as: 'inner', veto: veto('inner') }))
  router.use((request, response, next) => {
    const work = async () => {
      const { db, inner } = request as unknown as Record<'db' | 'inner', Parameters<Handler>[0]['db']>
      expect(inner).toBe(db)
      await inner.writer('t').insert({ name: 'a' })
      await db.other('t').insert({ name: 'b' })
      response.status(404).send('done')
    }
    work().catch(next)
  })
  for (const [active, expected] of [
    [true, 'outer'],
    [false, 'inner'],
  ] as const) {
    const { url, close } = await serveNested(router, { veto: veto('outer') as never, activate: () => active })
    expect((await fetch(`${url}/deep`)).status).toBe(404)
    expect(asked.splice(0)).toEqual([expected])
    await close()
  }
  stop()
  expect(messages.filter(({ phase }) => phase === 'start')).toHaveLength(2)
  expect(await grounds.rows()).toEqual([
    ['a', 'a'],
    ['b', 'b'],
  ])
})

test('66: two sets of engines on one request are held together, and committed one after the other', async () => {
  const [, database] = grounds.databases
  await using more = createEngines({
    second: engine()({ connection: database.url, transactional: true, pool: { max: 1 } }),
  })
  const { url } = await grounds.serve(
    'Express 5',
    async (request, response) => {
      const { later } = request as unknown as { later: ReturnType<typeof more.open> }
      await request.db.writer('t').insert({ name: 'a' })
      await later.second('t').insert({ name: 'b' })
      if (request.url === '/bad') await request.db.writer('child').insert({ parent: 4711 })
      response.end('done')
    },
    { after: [sessions(more, { as: 'later' })] },
  )
  expect((await fetch(`${url}/bad`)).status).toBe(500)
  expect(await grounds.rows()).toEqual([[], []])
  expect((await fetch(url)).status).toBe(200)
  expect(await grounds.rows()).toEqual([['a'], ['b']])
})

const serveNested = (router: express.Router, mount: MountOptions) =>
  grounds.serve('Express 5', () => {}, { mount, after: [express().use('/deep', router) as never] })

test('options that are wrong are refused as the mount is made', () => {
  const refusal = (options: object) => {
    try {
      sessions(grounds.engines, options)
      return 'none'
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(refusal({ veto: true })).toBe(
    'Option veto must be false or a function of request and response, not true.',
  )
  expect(refusal({ activate: '/api' })).toBe('Option activate must be a function of the request, not a text.')
  expect(refusal({ holdBytes: -1 })).toBe('Option holdBytes must be a whole number of bytes, not -1.')
  expect(refusal({ streaming: 'never' })).toBe(
    "Option streaming must be 'commit first' or 'commit last', not a text.",
  )
  expect(refusal({ vetoo: false })).toMatch(
    /^sessions\(engines, \{ … \}\) has no option vetoo; it has as, activate, /,
  )
})
