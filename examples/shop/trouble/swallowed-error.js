/** @type {import('./trouble.js').Trouble} */
export const swallowedError = {
  path: 'swallowed-error',
  title: 'A swallowed error, then a commit',
  does: 'Ignores the error of one statement and commits. PostgreSQL answers such a COMMIT with ROLLBACK and no error.',
  shows:
    'EL_COMMIT_ROLLED_BACK; the transaction says which statement failed first, and that nothing was kept.',
  async handle(req) {
    const { writer } = req.db
    await writer('stock').where({ product_id: 3 }).increment('quantity', 1)
    await writer('coupons')
      .insert({ code: 'WELCOME', percent: 10, uses_left: 1 })
      .catch(() => {})
    await writer.commit()
    return { committed: true }
  },
}
