// The unit of work that every way of the session bench does: BEGIN, one row read by key, one row written, COMMIT.
// The texts are those that knex builds, so that the server and the driver have the same to do for all who can choose.

export const SCHEMA = `
  create table items (id int primary key, name text not null, price int not null);
  insert into items select i, 'item ' || i, i from generate_series(1, 1000) i;
  create table events (id bigserial primary key, item_id int not null, note text not null);
  analyze items;
`

export const SELECT = 'select * from "items" where "id" = $1'
export const INSERT = 'insert into "events" ("item_id", "note") values ($1, $2)'
export const NOTE = 'looked at'

/** The rows are asked for in a fixed order that is none of their order on disk. */
export const keyOf = unit => ((unit * 7919) % 1000) + 1

/** A unit that did not read its row was not done, whatever its time. */
export function expectRow(row, id) {
  if (row?.id !== id) throw new Error(`the unit read ${JSON.stringify(row)} and not item ${id}`)
}
