/** The instants of a session's life in which a test can strike. Each is one line of the library's source. */
export const SESSION_POINTS = [
  'check-out:granted',
  'begin:sent',
  'begin:answered',
  'statement:sent',
  'statement:answered',
  'commit:due',
  'commit:sent',
  'commit:answered',
  'rollback:sent',
  'rollback:answered',
  'release:due',
  'end:due',
] as const

/** Those of a commit over many engines, which has a session's as well. */
export const COMMIT_POINTS = [
  'decision:sent',
  'decision:answered',
  'prepare:sent',
  'prepare:answered',
  'end-prepared:sent',
  'end-prepared:answered',
] as const

export type FaultPoint = (typeof SESSION_POINTS | typeof COMMIT_POINTS)[number]

/** A driver's connection, as far as strikes use it. */
interface StruckConnection {
  readonly processID?: number | null
  query(text: string, callback: () => void): unknown
}

export type Strike<Driver = StruckConnection> = (driver: Driver | undefined) => void

const strikes = new Map<FaultPoint, Strike<object>>()

/**
 * Named by the library where a fault would hurt most; does nothing until a test strikes there. The published build has
 * neither the calls nor this file (`scripts/without-fault-points.js`), so a call must stand alone on its line, and
 * nothing may depend on it.
 */
export function faultPoint(point: FaultPoint, driver?: object): void {
  if (strikes.size > 0) strikes.get(point)?.(driver)
}

/**
 * Strikes at a point: `times` times, after letting it pass `after` times. What the strike throws surfaces in the
 * library; most do something to the connection instead. Dispose of the returned value when the test is over.
 */
export function strikeAt<Driver = StruckConnection>(
  point: FaultPoint,
  strike: Strike<Driver>,
  { after = 0, times = 1 }: { after?: number; times?: number } = {},
): Disposable & { readonly struck: number } {
  let passed = 0
  let struck = 0
  const own: Strike<object> = driver => {
    if (passed++ < after || struck >= times) return
    struck++
    strike(driver as Driver | undefined)
  }
  strikes.set(point, own)
  return {
    get struck() {
      return struck
    },
    [Symbol.dispose]() {
      if (strikes.get(point) === own) strikes.delete(point)
    },
  }
}
