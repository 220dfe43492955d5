/** A stretch of time, in milliseconds since the start of the request. */
export interface Span {
  readonly from: number
  readonly to: number
}
