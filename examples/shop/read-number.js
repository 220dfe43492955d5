import { ShopError } from './shop-error.js'

/**
 * A whole number that came in a request, from 1 to `most`.
 *
 * @param {unknown} value
 * @param {string} name
 * @param {number} [most]
 */
export function readNumber(value, name, most = 1_000_000) {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most) {
    throw new ShopError(400, `${name} must be a whole number from 1 to ${most}.`)
  }
  return number
}
