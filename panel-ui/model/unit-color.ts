export const UNIT_COLORS = 8

/** Which of the eight colours a request has, wherever it is shown: those that follow one another differ. */
export function unitColor(request: string): number {
  const digits = /\d+$/.exec(request)?.[0]
  return digits ? Number(digits) % UNIT_COLORS : 6
}
