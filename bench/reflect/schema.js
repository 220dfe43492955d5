/** Of how many tables the schema of the bench is, and how many columns each has. */
export const TABLES = 1_000
export const COLUMNS = 12

/**
 * Tables as an application has them: a key, two foreign keys, a unique constraint, two checks, an index over two columns
 * and one that is partial, defaults, a comment, an enum. Every table is alike but for its name and where it points.
 */
export function statements(tables = TABLES) {
  return [
    `create type state as enum ('new', 'paid', 'sent', 'done')`,
    ...Array.from({ length: tables }, (_, number) => table(number)),
  ]
}

function table(number) {
  const name = `table_${String(number).padStart(4, '0')}`
  const other = `table_${String(Math.floor(number / 2)).padStart(4, '0')}`
  return `
    create table ${name} (
      id bigint generated always as identity primary key,
      parent_id bigint references ${name} on delete set null,
      other_id bigint not null references ${other} on delete cascade,
      code varchar(20) not null unique,
      name text not null default '',
      price numeric(12, 2) not null default 0 check (price >= 0),
      amount int not null default 1 check (amount > 0),
      state state not null default 'new',
      tags text[],
      details jsonb not null default '{}',
      created_at timestamptz not null default now(),
      lower_name text generated always as (lower(name)) stored
    );
    create index on ${name} (state, created_at desc);
    create index on ${name} (lower(code)) where amount > 1;
    comment on table ${name} is 'The ${number}th';
    comment on column ${name}.price is 'Without tax'`
}
