/** @type {import('./trouble.js').Trouble} */
export const lateWork = {
  path: 'late-work',
  title: 'Work after the answer',
  does: 'Answers, and then goes on to use the sessions of a request that is over: an await was forgotten.',
  shows: 'The late statement is refused with EL_ENDED; nothing is done behind the request’s back.',
  async handle(req, res) {
    const { writer } = req.db
    res.once('close', () => {
      writer('stock')
        .where({ product_id: 8 })
        .increment('quantity', 1)
        .catch(error => console.error(`late work: ${error.code}, ${error.message}`))
    })
    return { answered: true }
  },
}
