import { GAUGES_KEPT_MS, type GaugeSample } from '../model/gauges.ts'

const WIDTH = 78
const HEIGHT = 26

/** The last minute of a pool: used connections as a line, waiters as red bars on top. */
export function Sparkline({
  samples,
  max,
  now,
}: {
  samples: readonly GaugeSample[]
  max: number
  now: number
}) {
  const x = (at: number) => WIDTH - ((now - at) / GAUGES_KEPT_MS) * WIDTH
  const y = (n: number) => HEIGHT - 3 - (Math.min(n, max) / Math.max(1, max)) * (HEIGHT - 7)
  const line = samples
    .map((s, i) => `${i === 0 ? 'M' : 'L'}${x(s.at).toFixed(1)} ${y(s.used).toFixed(1)}`)
    .join('')
  const first = samples[0]
  const last = samples.at(-1)
  const mostWaiting = Math.max(3, ...samples.map(s => s.waiting))
  return (
    <svg className="sparkline" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path className="sparkline-base" d={`M0 ${HEIGHT - 2.5}H${WIDTH}`} />
      {first && last && (
        <path
          className="sparkline-area"
          d={`${line}L${x(last.at).toFixed(1)} ${HEIGHT - 3}L${x(first.at).toFixed(1)} ${HEIGHT - 3}Z`}
        />
      )}
      <path className="sparkline-line" d={line} />
      {samples
        .filter(s => s.waiting > 0)
        .map(s => (
          <rect
            key={s.at}
            className="sparkline-waiting"
            x={x(s.at) - 1}
            y={0}
            width={1.6}
            height={3 + (s.waiting / mostWaiting) * 8}
          />
        ))}
    </svg>
  )
}
