import { parseArgs } from 'node:util'

export const USAGE = `The shop: an example of Enginelight, with a PostgreSQL of its own.

  npm run demo -- [options]        or: node examples/shop/main.js [options]

  --port <number>    where the shop listens on 127.0.0.1; default 3000, or the next free port
  --traffic on|off   customers who come by themselves; default on
  --json             prints one line when ready: {"app", "panel", "databases": {"shop", "logs"}}
  --help             this text
`

/**
 * @typedef {object} Options
 * @property {number | undefined} port
 * @property {boolean} traffic
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
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { port, traffic, json, help } = values
  if (traffic !== 'on' && traffic !== 'off') throw new Error(`--traffic is on or off, not ${traffic}.`)
  return { port: port === undefined ? undefined : readPort(port), traffic: traffic === 'on', json, help }
}

/** @param {string} text */
function readPort(text) {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new Error(`--port is a number from 0 (any free one) to 65535, not ${text}.`)
}
