import './stack-frames.css'

/** The application's frames, nearest first: the function, and under it where it stands. */
export function StackFrames({ frames }: { frames: readonly string[] }) {
  if (frames.length === 0) return <p className="dim">No frame of the application was on the stack.</p>
  return (
    <ol className="frames">
      {frames.map((frame, i) => {
        const [, name = '', place = frame] = /^(.*?) \((.*)\)$/.exec(frame) ?? []
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
