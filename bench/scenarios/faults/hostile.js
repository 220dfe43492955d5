export const hostile = {
  name: 'text of an attacker in a path, in SQL and in a parameter',
  asks: 'is the page text, and is the secret kept out',
  isQuiet: true,
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/x', async ({ db }) => {
      await db.main.query(`select '<img src=x onerror=alert(1)> hunter2' as "<b>name</b>", $1::text`, [
        'hunter2',
      ])
    })
    await ask('/x?token=hunter2&<script>alert(1)</script>')
    return { factAt: Date.now() }
  },
  says: /hunter2|<img|<script/,
  truth: () => ({}),
}
