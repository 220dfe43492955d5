import { parseArgs } from 'node:util'

export const USAGE = `The shop: an example of Enginelight, with a PostgreSQL of its own.

  npm run demo -- [options]        or: node examples/shop/main.js [options]

  --port <number>    where the shop listens on 127.0.0.1; default 3000 or the next free port; 0 for any
  --traffic on|off   customers who come by themselves; default on
  --pool <number>    how many connections each engine may have, from 1 to 10; default 4, 3 and 2
  --workers <number> how many processes share the port, from 1 to 8; default 1
  --json             prints one line when ready: {"app", "panel", "databases": {"shop", "logs"}}
  --help             this text
`

/**
 * @typedef {object} Options
 * @property {number | undefined} port
 * @property {boolean} traffic
 * @property {number | undefined} pool
 * @property {number} workers
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * Reads the options of the command line. Throws a sentence about the first that is wrong.
 *
 * @param {string[]} args
 * @returns {Options}
 */
export function readCommandLine(args) {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      traffic: { type: 'string', default: 'on' },
      pool: { type: 'string' },
      workers: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { port, traffic, pool, workers, json, help } = values
  if (traffic !== 'on' && traffic !== 'off') throw new Error(`--traffic is on or off, not ${traffic}.`)
  return {
    port: port === undefined ? undefined : readNumber('--port', port, 0, 65_535),
    traffic: traffic === 'on',
    pool: pool === undefined ? undefined : readNumber('--pool', pool, 1, 10),
    workers: readNumber('--workers', workers, 1, 8),
    json,
    help,
  }
}

/** @param {string} option @param {string} text @param {number} least @param {number} most */
function readNumber(option, text, least, most) {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new Error(`${option} is a number from ${least} to ${most}, not ${text}.`)
}
