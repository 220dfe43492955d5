/** What observers may know about a container: what it belongs to. */
export interface ContainerInfo {
  /** The object given as the request, if any. */
  request: unknown
  /** The request's id in the panel, spans and errors. */
  requestId: string
  [key: string]: unknown
}
