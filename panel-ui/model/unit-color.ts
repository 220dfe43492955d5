const UNIT_COLORS = 8

/** Which of the eight colours a request has everywhere: consecutive requests differ. */
export function unitColor(request: string): number {
  // A thousand is divisible by eight, so the last three digits suffice; the board calls this for each segment that it
  // draws.
  const number = Number(request.slice(-3).replace(/^\D+/, ''))
  return Number.isNaN(number) ? UNIT_COLORS - 2 : number % UNIT_COLORS
}
