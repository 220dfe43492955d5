/** `toLocaleString` makes one for each number, which costs more than the rest of a row. */
const english = new Intl.NumberFormat('en')

/** A duration in as few characters as still inform: `0.4 ms`, `38 ms`, `1.9 s`, `4 min 10 s`. */
export function duration(ms: number): string {
  if (ms < 0.05) return '0 ms'
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ''}`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}

/** An age in whole seconds: it is read while it grows, so it should not flicker. */
export const age = (ms: number): string =>
  ms < 1000 ? 'just now' : duration(Math.floor(ms / 1000) * 1000).replace('.0 s', ' s')

/** How long ago, in whole seconds: `just now`, `8 s ago`. */
export const ago = (ms: number): string => (ms < 1000 ? age(ms) : `${age(ms)} ago`)

/** Milliseconds for a table's column, whose head names the unit. */
export function milliseconds(ms: number): string {
  if (ms < 0.05) return '0'
  return ms < 9.95 ? ms.toFixed(1) : english.format(Math.round(ms))
}

export const count = (n: number, noun: string): string => `${english.format(n)} ${noun}${n === 1 ? '' : 's'}`

/** `12:04:31` or, with milliseconds, `12:04:31.220`, in the reader's time zone. */
export function clockTime(epochMs: number, withMilliseconds = false): string {
  const date = new Date(epochMs)
  const pad = (n: number, width = 2) => String(n).padStart(width, '0')
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
  return withMilliseconds ? `${time}.${pad(date.getMilliseconds(), 3)}` : time
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
