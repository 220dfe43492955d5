interface Interval {
  readonly from: number
  readonly to: number
}

/** How long at least one of them lasted: intervals beside each other count once. */
export function unionMs(intervals: readonly Interval[]): number {
  let sum = 0
  let end = -Infinity
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    if (to <= end) continue
    sum += to - Math.max(from, end)
    end = to
  }
  return sum
}

/** The largest number of them at one moment, and when that began. */
export function mostAtOnce(intervals: readonly Interval[]): { count: number; at: number } {
  const edges = intervals.flatMap(({ from, to }) => [
    { at: from, step: 1 },
    { at: to, step: -1 },
  ])
  // What ends when another begins is not beside it.
  edges.sort((a, b) => a.at - b.at || a.step - b.step)
  let open = 0
  let most = { count: 0, at: 0 }
  for (const { at, step } of edges) {
    open += step
    if (open > most.count) most = { count: open, at }
  }
  return most
}
