/**
 * All attribute and metric names that are emitted. Copied rather than imported: the package
 * `@opentelemetry/semantic-conventions` renames names in development between minor versions.
 */

/** Stable in the semantic conventions. */
export const DB_SYSTEM_NAME = 'db.system.name'
export const DB_NAMESPACE = 'db.namespace'
export const DB_QUERY_TEXT = 'db.query.text'
export const DB_QUERY_SUMMARY = 'db.query.summary'
export const DB_OPERATION_NAME = 'db.operation.name'
export const DB_RESPONSE_STATUS_CODE = 'db.response.status_code'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'
export const ERROR_TYPE = 'error.type'
export const CODE_FILE_PATH = 'code.file.path'
export const CODE_LINE_NUMBER = 'code.line.number'
export const METRIC_OPERATION_DURATION = 'db.client.operation.duration'

/** Of a database that has not said what it is. */
export const SYSTEM_UNKNOWN = 'other_sql'

/** In development as of semantic conventions 1.45.0 (2026-11-06), which renamed `connection.max` to `connection.limit`. */
export const POOL_NAME = 'db.client.connection.pool.name'
export const CONNECTION_STATE = 'db.client.connection.state'
export const PROCESS_PID = 'process.pid'
export const THREAD_ID = 'thread.id'
export const METRIC_CONNECTION_COUNT = 'db.client.connection.count'
export const METRIC_CONNECTION_LIMIT = 'db.client.connection.limit'
export const METRIC_CONNECTION_IDLE_MIN = 'db.client.connection.idle.min'
export const METRIC_CONNECTION_PENDING = 'db.client.connection.pending_requests'
export const METRIC_CONNECTION_TIMEOUTS = 'db.client.connection.timeouts'
export const METRIC_CONNECTION_WAIT_TIME = 'db.client.connection.wait_time'
export const METRIC_CONNECTION_USE_TIME = 'db.client.connection.use_time'

/** Our own, where the conventions have no name. */
export const ENGINE_NAME = 'enginelight.engine.name'
export const POOL = 'enginelight.pool'
export const SLOT = 'enginelight.slot'
export const CONNECTION_ID = 'enginelight.connection.id'
export const BACKEND_PID = 'enginelight.connection.backend_pid'
export const REQUEST_ID = 'enginelight.request.id'
export const REQUEST_KIND = 'enginelight.request.kind'
export const REQUEST_LABEL = 'enginelight.request.label'
export const REQUEST_OUTCOME = 'enginelight.request.outcome'
export const REQUEST_UNRELEASED = 'enginelight.request.unreleased'
export const SESSION_ID = 'enginelight.session.id'
export const SESSION_MODE = 'enginelight.session.mode'
export const SESSION_STATEMENT_COUNT = 'enginelight.session.statement.count'
export const CHECKOUT_ID = 'enginelight.checkout.id'
/** In seconds, like every duration of the conventions. */
export const CHECKOUT_WAIT_TIME = 'enginelight.checkout.wait_time'
/** The holders of the pool's connections when a check-out failed, one line each. */
export const CHECKOUT_HOLDERS = 'enginelight.checkout.holders'
export const TRANSACTION_ID = 'enginelight.transaction.id'
export const TRANSACTION_OUTCOME = 'enginelight.transaction.outcome'
export const TRANSACTION_ASKED = 'enginelight.transaction.asked'
export const TRANSACTION_STATEMENT_COUNT = 'enginelight.transaction.statement.count'
/** The statement that put the transaction into its failed state. */
export const TRANSACTION_FAILED_BY = 'enginelight.transaction.failed_by'
export const SAVEPOINT_NAME = 'enginelight.savepoint.name'
export const SAVEPOINT_OUTCOME = 'enginelight.savepoint.outcome'
export const COMMIT_ID = 'enginelight.commit.id'
export const COMMIT_MODE = 'enginelight.commit.mode'
export const COMMIT_OUTCOME = 'enginelight.commit.outcome'
/** The key of the decision row, the same on every server and in every process that takes part. */
export const COMMIT_TRANSACTION = 'enginelight.commit.transaction'
/** Each engine's outcome, one line each: `writer: committed`. */
export const COMMIT_ENGINES = 'enginelight.commit.engines'
export const COMMIT_STEP = 'enginelight.commit.step'
export const COMMIT_ROLE = 'enginelight.commit.role'
export const COMMIT_GID = 'enginelight.commit.gid'
/** The command tag of the server's answer to a step. */
export const COMMIT_ANSWER = 'enginelight.commit.answer'
export const PREPARED_OUTCOME = 'enginelight.prepared.outcome'
export const METRIC_COMMIT_DURATION = 'enginelight.commit.duration'
export const METRIC_PREPARED_RECOVERED = 'enginelight.prepared.recovered'
export const METRIC_PREPARED_IN_DOUBT = 'enginelight.prepared.in_doubt'
export const STATEMENT_ID = 'enginelight.statement.id'
export const STATEMENT_ROW_COUNT = 'enginelight.statement.row.count'
/** Seconds that the statement waited behind others of its session. */
export const STATEMENT_QUEUE_TIME = 'enginelight.statement.queue_time'
/** Set on a span whose own end was not seen, with the reason. */
export const ABANDONED = 'enginelight.abandoned'
