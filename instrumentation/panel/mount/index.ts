/** The ways in which a panel comes to a server: an application's, or its own. */
export { attach, type MountableServer, type MountedPanel } from './attach.ts'
export { startOwnServer } from './own-server.ts'
export { checkServer } from './check-server.ts'
