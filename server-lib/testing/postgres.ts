export { startPostgres, type RunningPostgres } from '../../scripts/postgres/server.js'
