import { AsyncLocalStorage } from 'node:async_hooks'

/** As a worker has it that was started with the application: what it does is outside of any request. */
const inWorker = AsyncLocalStorage.snapshot()

/** @type {import('./trouble.js').Trouble} */
export const noContext = {
  path: 'no-context',
  title: 'Work outside of any request',
  does: 'Leaves a statement to a worker, who runs it with plain knex and has forgotten for whom.',
  shows: 'A check-out and a statement outside of any request, with the line that they come from.',
  async handle(_req, _res, engines) {
    return inWorker(async () => engines.get('writer').knex('customers').count('* as count'))
  },
}
