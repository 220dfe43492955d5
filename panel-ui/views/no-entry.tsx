import './empty-state.css'

/** The page has no token, or one that the process does not know: says what to do. */
export function NoEntry({ reason }: { reason: 'no token' | 'wrong token' }) {
  return (
    <main className="empty-state no-entry">
      <i className="lamp" />
      <h1>
        {reason === 'no token'
          ? 'This page needs the token of its process.'
          : 'The process does not know this page’s token.'}
      </h1>
      <p>
        {reason === 'no token'
          ? 'Open the whole URL that your server printed when it started; its end, #t=…, is the token.'
          : 'The token was replaced, or another project answers here. Open the URL that the server printed.'}
      </p>
      <pre>Enginelight: http://127.0.0.1:3000/__enginelight/#t=…</pre>
      <p className="dim">
        Lost it? <code>npx enginelight open</code>, in the project’s folder.
      </p>
    </main>
  )
}
