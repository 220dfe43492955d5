import type { Request, Response } from 'express'
import { createEngines, engine } from '../index.ts'
import { sessions } from './express.ts'

const engines = createEngines({ main: engine()({ connection: 'postgres://', transactional: true }) })

/** Never called: a mount's functions may take their framework's own request. */
export function optionsOfMounts(): void {
  const container = engines.open()
  sessions(engines, { veto: false, holdBytes: 0, streaming: 'commit last', container: () => container })
  sessions(engines, {
    activate: (request: Request) => request.path !== '/health',
    annotate: (request: Request) => ({ user: request.get('x-user'), path: request.path }),
    veto: async (request: Request, response: Response) => request.xhr && response.statusCode >= 500,
  })
  // @ts-expect-error: a veto is false or a function
  sessions(engines, { veto: true })
  // @ts-expect-error: a setting is a text
  sessions(engines, { annotate: () => ({ user: 5 }) })
  // @ts-expect-error: no such policy
  sessions(engines, { streaming: 'refuse' })
  // @ts-expect-error: no such option
  sessions(engines, { vetoo: false })
}
