import { NO_CONTEXT, type PanelState, type Request } from '../model/state.ts'

/** The request whose connection has this pid, on the server of `engine`; undefined for another client, or one at rest. */
function requestOfPid(
  { engines, connections, transactions, requests, checkouts }: PanelState,
  engine: string,
  pid: number,
): Request | undefined {
  const server = (name: string) => engines.get(name)?.server ?? null
  for (const connection of connections.values()) {
    if (connection.backendPid !== pid || connection.disconnected) continue
    // Another server counts its pids for itself.
    if (
      connection.engine !== engine &&
      (server(engine) === null || server(connection.engine) !== server(engine))
    )
      continue
    const { transaction } = connection
    const id =
      transactions.get(transaction ?? '')?.request ??
      [...checkouts.values()].find(checkout => checkout.connection === connection.id)?.request
    const request = requests.get(id ?? '')
    if (request) return request
  }
  return undefined
}

/** As the page names it: `GET /orders u88`, or `pid 4120` for another client. */
export function blockerName(state: PanelState, engine: string, pid: number): string {
  if (pid === 0) return 'a prepared transaction'
  const request = requestOfPid(state, engine, pid)
  if (!request) return `pid ${pid}`
  return request.id === NO_CONTEXT
    ? `work outside of any request (pid ${pid})`
    : `${request.label} ${request.id}`
}
