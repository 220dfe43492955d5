/** How a panel gets onto a server: the application's, or its own. */
export { attach, type MountableServer, type MountedPanel } from './attach.ts'
export { startOwnServer } from './own-server.ts'
export { checkServer } from './check-server.ts'
