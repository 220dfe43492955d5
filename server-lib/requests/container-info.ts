/** What is kept about a container for those who look at it: what it belongs to. */
export interface ContainerInfo {
  /** What was given as the request, if anything. */
  request: unknown
  /** The request's id in the panel, spans and errors. */
  requestId: string
  [key: string]: unknown
}
