import type { Strike } from '../../identity/fault-points.ts'

interface Socket {
  connection: { stream: { destroy(): void } }
}

/** The network is gone in this instant, for this connection. */
export const destroySocket: Strike = driver => (driver as unknown as Socket).connection.stream.destroy()
