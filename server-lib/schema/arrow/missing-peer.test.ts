import Module from 'node:module'
import { expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { createDatabase } from '../../testing/database.ts'
import { toArrow } from './index.ts'

interface Resolving {
  _resolveFilename(request: string, ...rest: unknown[]): string
}

test('without apache-arrow it is an error that names the package, and nothing is sent', async () => {
  await using database = await createDatabase()
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const node = Module as unknown as Resolving
  const { _resolveFilename: resolve } = node
  node._resolveFilename = (request, ...rest) => {
    if (request === 'apache-arrow') throw new Error('Cannot find module')
    return resolve.call(node, request, ...rest)
  }
  await engines.scope(async db => {
    const query = { session: db.main, text: 'select 1 as n' }
    await expect(toArrow(query)).rejects.toMatchObject({
      code: 'EL_MISSING_PEER',
      message: expect.stringContaining('npm install apache-arrow') as string,
    })
    expect(db.status).toEqual({ main: 'started' })
    expect(await database.backends()).toEqual([])
    node._resolveFilename = resolve
    // It has been installed meanwhile.
    expect((await toArrow(query)).numRows).toBe(1)
  })
})
