import './empty-state.css'

/** Stands for a view whose code could not be loaded: the process ended before, or another version took its place. */
export function NotLoaded() {
  return (
    <main className="empty-state">
      <h1>This view could not be loaded.</h1>
      <p>
        The process ended before this page had all of its parts.{' '}
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </p>
    </main>
  )
}
