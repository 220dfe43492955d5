export const USAGE = `Of the running process of this project, which has a panel:
enginelight now               what is wrong now, and how full the pools are
enginelight holds <engine>    who holds its connections, and who waits
enginelight findings          what is wrong, and what was
enginelight request <id>      where the time of a request went
enginelight tx <id>           what became of a transaction
enginelight queries           statements by text and line, the most time-consuming first
enginelight tail              each request that ends and each finding, until it is interrupted
enginelight doctor            what is watched and what is not
enginelight open              opens its page in the browser
enginelight token --new       replaces the token of the project's panels; a running process keeps its own until it ends

Of the databases:
enginelight recover           ends what a crash has left prepared
enginelight install           creates what two-phase commits need
enginelight types             writes the types of each engine's tables

  --json                  all of it as JSON; of tail a line for each
  --pid <pid>             of several processes of this project, this one; the youngest by default
  --url <url>             another panel, as it printed it: http://127.0.0.1:4401/__enginelight/#t=… So does
                          ENGINELIGHT_PANEL_URL
  --fail-on <kinds>       findings: exit code 1 if there is one of these: leak,n+1,pool-full; bad, warn, note or any
  --accept <file>         findings: adds them to this file of known findings, for panel({ baseline }) and tests
  --print                 open: prints the URL and opens nothing
  --new                   token: makes another one
  --engines <file>        recover, install, types: the module with the engines of createEngines(), exported as
                          "engines" or by default, or a function that makes them
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
Exit codes: 0 all is well, or nothing was asked to fail; 1 something is left prepared, not installed or differs, a finding
of --fail-on is there, or doctor warns; 2 the command line, the module, an engine or an id is wrong; 3 no panel answers.
`

/** The command line or the module is wrong: one sentence, and exit code 2. */
export class UsageError extends Error {}
