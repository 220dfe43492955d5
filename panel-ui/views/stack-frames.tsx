import './stack-frames.css'

/** The application's frames, nearest first: the function, and its place beneath. */
export function StackFrames({ frames }: { frames: readonly string[] }) {
  if (frames.length === 0) return <p className="dim">No frame of the application was on the stack.</p>
  return (
    <ol className="frames">
      {frames.map((frame, i) => {
        const bracket = frame.endsWith(')') ? frame.indexOf(' (') : -1
        const name = frame.slice(0, Math.max(bracket, 0))
        const place = bracket < 0 ? frame : frame.slice(bracket + 2, -1)
        return (
          <li key={i}>
            {name && <b>{name}</b>}
            <span>{place}</span>
          </li>
        )
      })}
    </ol>
  )
}
