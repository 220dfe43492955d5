/** The ways in which a file of the page is packed, the shortest first. */
export const ENCODINGS = ['br', 'gzip'] as const
export type Encoding = (typeof ENCODINGS)[number]

/**
 * The encoding that a client prefers, by its Accept-Encoding; the shorter one where it does not care, null if it takes
 * none. A weight that is no number counts as none.
 */
export function encodingFor(accepted: string | undefined): Encoding | null {
  if (accepted === undefined) return null
  const weights = new Map<string, number>()
  for (const part of accepted.split(',')) {
    const [name = '', ...parameters] = part.split(';').map(text => text.trim().toLowerCase())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)) || 0)
  }
  const weightOf = (name: Encoding) => weights.get(name) ?? weights.get('*') ?? 0
  // As it is, a file is taken by everybody, but before the others only by who says so.
  let best: Encoding | null = null
  let most = weights.get('identity') ?? 0
  for (const encoding of ENCODINGS) {
    const weight = weightOf(encoding)
    if (weight > 0 && (weight > most || (best === null && weight === most))) {
      best = encoding
      most = weight
    }
  }
  return best
}
