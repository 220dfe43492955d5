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
          : 'It was most likely restarted: each start makes a new token. Open the URL that it printed then.'}
      </p>
      <pre>Enginelight: http://127.0.0.1:3000/__enginelight/#t=…</pre>
      <p className="dim">The URL printed lost? Restart the server: it prints another one.</p>
    </main>
  )
}
