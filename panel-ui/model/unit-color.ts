const UNIT_COLORS = 8

/** Which of the eight colours a request has, wherever it is shown: those that follow one another differ. */
export function unitColor(request: string): number {
  // Eight divides a thousand, so the last three digits tell; the board asks this for each stretch that it draws.
  const number = Number(request.slice(-3).replace(/^\D+/, ''))
  return Number.isNaN(number) ? UNIT_COLORS - 2 : number % UNIT_COLORS
}
