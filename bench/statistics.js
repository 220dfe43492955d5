/** Median and quartiles: a round that the machine disturbed moves neither far. */
export function spreadOf(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) }
}

function quantile(sorted, share) {
  const at = (sorted.length - 1) * share
  const below = Math.floor(at)
  const above = Math.ceil(at)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

/** The ratio of two subjects in each round, then its spread: what disturbs a round disturbs both. */
export const ratioOf = (rounds, subject, base, measure) =>
  spreadOf(rounds.map(round => round[subject][measure] / round[base][measure]))
