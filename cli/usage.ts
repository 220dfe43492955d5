export const USAGE = `enginelight recover --engines ./engines.js [options]   ends what a crash has left prepared
enginelight install --engines ./engines.js [options]   creates what two-phase commits need
enginelight types   --engines ./engines.js --out <folder> [options]   writes the types of each engine's tables

The module exports the engines of createEngines() as "engines" or by default, or a function that makes them.

  --engines <file>        the module with the engines
  --json                  the report as JSON
  --dry-run               recover: asks for each decision, and carries none out
  --older-than <time>     recover: leaves younger ones to their coordinator; 60s by default
  --keep-decisions <time> recover: keeps decisions at least so long that everybody has carried out; 7d by default
  --out <folder>          types: <engine>.d.ts for each engine, with the map <Engine>Tables
  --check                 types: writes nothing, and says what differs
  --engine <name>         types: of this engine; may be repeated; all by default
  --schema <name>         types: of this schema, or '*'; may be repeated; those on the search path by default
  --only <name>           types: this table, or schema.table; may be repeated; all by default
  --type-map <file>       types: JSON, from a type (int8) or a column (orders.id) to what TypeScript calls it
  --partitions            types: those of partitions as well
  --help                  this text

A time is a number with its unit: 500ms, 60s, 5m, 2h, 7d.
Exit codes: 0 nothing is left, all is installed, the types are those of the database; 1 something is left prepared, could
not be looked at, is not installed, or differs; 2 the command line, or the module, is wrong.
`

/** The command line or the module is wrong: one sentence, and exit code 2. */
export class UsageError extends Error {}
