/**
 * Middleware that writes each request into the logs before it is handled, so that those that never end are there
 * too. A log that is down does not close the shop.
 *
 * @param {import('express').Request} req
 * @param {import('express').Response} _res
 * @param {import('express').NextFunction} next
 */
export async function logAccess(req, _res, next) {
  const { logger, info } = req.db
  try {
    await logger('access_log').insert({ request: info.requestId, method: req.method, path: req.path })
  } catch (error) {
    if (!req.socket.destroyed) console.error('access log:', error)
  }
  next()
}
