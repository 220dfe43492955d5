import { getSystemErrorMap } from 'node:util'

/** Whole sentences of pg, its pool and knex about a connection. They quote nothing. */
const DRIVER_SENTENCES = [
  // Ours, for a pool that is still opening.
  'a connection was being opened and the server has not answered',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout expired',
  'Query read timeout',
  'timeout exceeded when trying to connect',
  'aborted',
  'Unable to acquire a connection',
  'operation timed out for an unknown reason',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Client has already been connected. You cannot reuse a client.',
  'Cannot use a pool after calling end on the pool',
  'Release called on client which has already been released to the pool.',
  'Query values must be an array',
  'The server does not support SSL connections',
  'There was an error establishing an SSL connection',
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
  'SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match',
  'Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?',
]

/** Codes of Node that the system's error map lacks. */
const NODE_SENTENCES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host was not found',
  ABORT_ERR: 'the operation was aborted',
  ERR_INVALID_URL: 'an invalid URL',
  ERR_MODULE_NOT_FOUND: 'a module was not found',
  MODULE_NOT_FOUND: 'a module was not found',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the chain of the server's certificate has a self-signed one",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate could not be verified",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the issuer of the server's certificate is not known",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host",
}

/** Built at the first error, because most processes have none. */
let systemSentences: Map<string, string> | undefined

/** The fixed sentence for an error of the system or the driver; undefined for any other. */
export function knownFailure(code: string | null, message: string): string | undefined {
  if (code === null) {
    // knex writes the statement in front of a message.
    return DRIVER_SENTENCES.find(sentence => message === sentence || message.endsWith(` - ${sentence}`))
  }
  systemSentences ??= new Map(getSystemErrorMap().values())
  return Object.hasOwn(NODE_SENTENCES, code) ? NODE_SENTENCES[code] : systemSentences.get(code)
}
