/** @type {import('./trouble.js').Trouble} */
export const abortedRequest = {
  path: 'aborted',
  title: 'A client that gives up',
  does: 'Asks this shop for a query of thirty seconds, and closes the connection after half a second.',
  shows: 'GET /trouble/slow as aborted: its statement was cancelled on the server and its connection closed.',
  async handle(req) {
    const url = `http://127.0.0.1:${req.socket.localPort}/trouble/slow?seconds=30`
    try {
      await fetch(url, { signal: AbortSignal.timeout(500) })
      return { gaveUp: false }
    } catch {
      return { gaveUp: true }
    }
  },
}
