import './link-notice.css'
import { useEffect, useState } from 'react'
import { usePanel } from '../model/use-panel.ts'

/** Says that the page gets no more messages from the process, or is paused. */
export function LinkNotice({ retryNow }: { retryNow: () => void }) {
  const link = usePanel(view => view.link)
  const isPaused = usePanel(view => view.isPaused)
  const wasLive = usePanel(view => view.hello !== null)
  const heldBack = usePanel(view => view.heldBack)
  if (link.state === 'lost') {
    return (
      <div className="link-notice lost" role="status">
        <p>
          <b>{wasLive ? 'Connection lost' : 'No connection'}</b>, <Countdown until={link.retryAt} />.{' '}
          {link.reason ?? (wasLive ? 'Everything below is as it was then.' : 'Is the server running?')}
        </p>
        <button type="button" onClick={retryNow}>
          Retry now
        </button>
      </div>
    )
  }
  if (link.state === 'connecting' && wasLive) {
    return (
      <div className="link-notice lost" role="status">
        <p>
          <b>Connection lost</b>, trying again…
        </p>
      </div>
    )
  }
  if (link.state === 'ended') {
    return (
      <div className="link-notice lost" role="status">
        <p>
          <b>This process has ended</b> at {new Date(link.at).toLocaleTimeString('en-GB')}. Everything below
          is as it was then.
        </p>
      </div>
    )
  }
  if (isPaused) {
    return (
      <div className="link-notice" role="status">
        <p>
          <b>Paused.</b> {heldBack.toLocaleString('en')} events wait. Press <kbd>p</kbd> to go on.
        </p>
      </div>
    )
  }
  return null
}

function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 200)
    return () => clearInterval(timer)
  }, [])
  const seconds = Math.ceil((until - now) / 1000)
  return seconds < 1 ? <>retrying now</> : <>retrying in {seconds} s</>
}
