// The unit of work of the commit bench: one row written on each engine, and everything committed.
export const SCHEMA = `
  create table transfers (id bigserial primary key, account int not null, note text not null);
`
/** The text that knex builds, so that whoever can choose sends the same. */
export const INSERT = 'insert into "transfers" ("account", "note") values ($1, $2)'
export const NOTE = 'transferred'
