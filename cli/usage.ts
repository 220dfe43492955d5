export const USAGE = `enginelight recover --engines ./engines.js [options]   ends what a crash has left prepared
enginelight install --engines ./engines.js [options]   creates what two-phase commits need

The module exports the engines of createEngines() as "engines" or by default, or a function that makes them.

  --engines <file>        the module with the engines
  --json                  the report as JSON
  --dry-run               recover: asks for each decision, and carries none out
  --older-than <time>     recover: leaves younger ones to their coordinator; 60s by default
  --keep-decisions <time> recover: keeps decisions at least so long that everybody has carried out; 7d by default
  --help                  this text

A time is a number with its unit: 500ms, 60s, 5m, 2h, 7d.
Exit codes: 0 nothing is left, and all is installed; 1 something is left prepared, could not be looked at, or is not
installed; 2 the command line, or the module, is wrong.
`

/** The command line or the module is wrong: one sentence, and exit code 2. */
export class UsageError extends Error {}
