import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ShopError } from '../shop-error.js'

const STEPS = ['prepare', 'commit']

/** @type {import('./trouble.js').Trouble} */
export const killedCommit = {
  path: 'killed-commit',
  title: 'A process that is killed in the middle of its commit',
  does: 'Another process writes to both databases and is killed when the warehouse is prepared (?after=commit: when it is decided).',
  shows:
    'Transactions: one in doubt on the warehouse, with the locks that it goes on holding; after some seconds recovery ends it as its decision says.',
  async handle(req) {
    const after = req.query.after ?? 'prepare'
    if (typeof after !== 'string' || !STEPS.includes(after))
      throw new ShopError(400, `after is ${STEPS.join(' or ')}, not ${after}.`)
    const victim = fork(new URL('./killed-commit-victim.js', import.meta.url), [after], { execArgv: [] })
    const exit = once(victim, 'exit')
    // Not as arguments: those can be read by everybody on the machine.
    victim.send(['shop_reader', 'shop_writer', 'shop_warehouse', 'shop_logger'].map(req.app.locals.urlOf))
    const [, signal] = await exit
    return { killedAfter: after, signal }
  },
}
