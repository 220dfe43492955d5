import { Router } from 'express'
import { html } from '../pages/html.js'
import { sendPage, wantsPage } from '../pages/page.js'
import { abortedRequest } from './aborted-request.js'
import { idleInTransaction } from './idle-in-transaction.js'
import { killedCommit } from './killed-commit.js'
import { killedConnection } from './killed-connection.js'
import { lateWork } from './late-work.js'
import { leak } from './leak.js'
import { lockWait } from './lock-wait.js'
import { nPlusOne } from './n-plus-one.js'
import { noContext } from './no-context.js'
import { parallel } from './parallel.js'
import { plainKnex } from './plain-knex.js'
import { poolExhausted } from './pool-exhausted.js'
import { readAfterWrite } from './read-after-write.js'
import { refusedCommit } from './refused-commit.js'
import { slowQuery } from './slow-query.js'
import { strayQuery } from './stray-query.js'
import { swallowedError } from './swallowed-error.js'
import { writeThroughReader } from './write-through-reader.js'

const TROUBLES = [
  slowQuery,
  nPlusOne,
  poolExhausted,
  leak,
  idleInTransaction,
  lockWait,
  swallowedError,
  writeThroughReader,
  strayQuery,
  readAfterWrite,
  parallel,
  abortedRequest,
  killedConnection,
  refusedCommit,
  killedCommit,
  lateWork,
  plainKnex,
  noContext,
]

/**
 * The routes that misbehave on purpose, and a page that lists them.
 *
 * @param {import('../shop.js').ShopEngines} engines
 */
export function trouble(engines) {
  const router = Router()
  router.get('/trouble', (_req, res) => sendPage(res, 'Trouble, on purpose', LIST))
  for (const { path, title, does, handle } of TROUBLES) {
    router.get(`/trouble/${path}`, async (req, res) => {
      const result = await handle(req, res, engines)
      if (!wantsPage(req)) return void res.json(result)
      sendPage(
        res,
        title,
        html`<p>${does}</p>
          <pre>${JSON.stringify(result, null, 2)}</pre>
          ${BACK}`,
      )
    })
  }
  return router
}

const BACK = html`<p><a href="/trouble">Back to the list</a></p>`

const LIST = html`<p>
    Each of these does one thing wrong that applications do wrong. Open the panel beside this page, then
    choose one.
  </p>
  <ul class="trouble">
    ${TROUBLES.map(
      ({ path, title, does, shows }) =>
        html`<li>
          <h2><a href="/trouble/${path}">${title}</a></h2>
          <p>${does}</p>
          <p class="dim">In the panel: ${shows}</p>
        </li>`,
    )}
  </ul>`
