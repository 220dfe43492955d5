/** The points in a session's life where a test can inject a fault. Each is one line of the library's source. */
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

/** The points of a commit over many engines, in addition to those of its sessions. */
export const COMMIT_POINTS = [
  'decision:sent',
  'decision:answered',
  'prepare:sent',
  'prepare:answered',
  'end-prepared:sent',
  'end-prepared:answered',
] as const

export type FaultPoint = (typeof SESSION_POINTS | typeof COMMIT_POINTS)[number]

/** What strikes use of a driver's connection. */
interface StruckConnection {
  readonly processID?: number | null
  query(text: string, callback: () => void): unknown
}

export type Strike<Driver = StruckConnection> = (driver: Driver | undefined) => void

const strikes = new Map<FaultPoint, Strike<object>>()

/**
 * Marks a point where a fault would hurt most; does nothing until a test strikes there. The published build has neither
 * the calls nor this file (`scripts/without-fault-points.js`). So a call must stand alone on its line, and nothing may
 * depend on it.
 */
export function faultPoint(point: FaultPoint, driver?: object): void {
  if (strikes.size > 0) strikes.get(point)?.(driver)
}

/**
 * Strikes at a point: `times` times, after letting it pass `after` times. An error that the strike throws surfaces in
 * the library; most strikes act on the connection instead. Dispose of the returned value when the test is over.
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
