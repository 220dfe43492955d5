import { EnginelightError } from 'enginelight'
import { html } from './pages/html.js'
import { sendPage, wantsPage } from './pages/page.js'
import { ShopError } from './shop-error.js'

/** @typedef {readonly import('enginelight').CheckoutHolder[]} Holders */

/**
 * Answers an error with its status, its code and its sentence, as a page or as JSON. What Enginelight says beyond the
 * sentence, such as who holds the connections, goes along: this shop is open on this machine only.
 *
 * @param {unknown} error
 * @param {import('express').Request} req
 * @param {import('express').Response} res
 * @param {import('express').NextFunction} _next
 */
export function answerError(error, req, res, _next) {
  // The client has gone, or has its answer already.
  if (res.headersSent || res.destroyed) {
    res.destroy()
    return
  }
  const { holders, cause } = error instanceof EnginelightError ? error : {}
  const told = {
    code: codeOf(error),
    message: error instanceof Error ? error.message : String(error),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
    ...(holders ? { holders } : {}),
  }
  res.status(statusOf(error))
  if (wantsPage(req)) sendPage(res, 'That did not work', description(told))
  else res.json({ error: told })
}

/** @param {{ code: string | null, message: string, cause?: string, holders?: Holders }} told */
function description({ code, message, cause, holders }) {
  return html`<p><code>${code}</code></p>
    <p>${message}</p>
    ${cause && html`<p class="dim">Because of: ${cause}</p>`} ${holders && tableOf(holders)}`
}

/** @param {Holders} holders */
function tableOf(holders) {
  const seconds = (/** @type {number} */ ms) => `${(ms / 1_000).toFixed(1)} s`
  return html`<table>
    <tr>
      <th>Held by</th>
      <th>Connection</th>
      <th class="number">For</th>
      <th>State</th>
      <th>Taken at</th>
    </tr>
    ${holders.map(
      ({ requestLabel, connection, backendPid, heldMs, state, site }) =>
        html`<tr>
          <td>${requestLabel ?? '(outside of any request)'}</td>
          <td>${connection}, pid ${backendPid}</td>
          <td class="number">${seconds(heldMs)}</td>
          <td>${state}</td>
          <td>${site}</td>
        </tr>`,
    )}
  </table>`
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : null
}

/** @param {unknown} error */
function statusOf(error) {
  if (error instanceof ShopError) return error.status
  if (codeOf(error) === 'EL_CHECKOUT_TIMEOUT') return 503
  // Those of Express itself, such as a body that is no JSON.
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status < 600 ? status : 500
}
