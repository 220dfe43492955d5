import { GAUGES_KEPT_MS, type GaugeSample } from '../model/gauges.ts'

/** Units of the drawing, which is as wide as its place: a second is one of them. */
const WIDTH = GAUGES_KEPT_MS / 1000
const HEIGHT = 15

interface Props {
  samples: readonly GaugeSample[]
  max: number
  now: number
}

/** The last minute of a pool: used connections as a line, waiters as red bars on top. */
export function Sparkline({ samples, max, now }: Props) {
  const x = (at: number) => WIDTH - (now - at) / 1000
  const y = (n: number) => HEIGHT - 1.5 - (Math.min(n, max) / Math.max(1, max)) * (HEIGHT - 4)
  const line = samples
    .map((s, i) => `${i === 0 ? 'M' : 'L'}${x(s.at).toFixed(2)} ${y(s.used).toFixed(1)}`)
    .join('')
  const first = samples[0]
  const last = samples.at(-1)
  const mostWaiting = Math.max(3, ...samples.map(s => s.waiting))
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path className="sparkline-base" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {first && last && (
        <path
          className="sparkline-area"
          d={`${line}L${x(last.at).toFixed(2)} ${HEIGHT - 1}L${x(first.at).toFixed(2)} ${HEIGHT - 1}Z`}
        />
      )}
      <path className="sparkline-line" d={line} />
      {samples
        .filter(s => s.waiting > 0)
        .map(s => (
          <rect
            key={s.at}
            className="sparkline-waiting"
            x={x(s.at) - 0.9}
            y={0}
            width={0.9}
            height={3 + (s.waiting / mostWaiting) * 6}
          />
        ))}
    </svg>
  )
}
