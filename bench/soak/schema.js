export const SCHEMA = `
  create table products (id int primary key, name text not null, stock int not null);
  insert into products select n, 'product ' || n, 1000000 from generate_series(1, 50) n;
  create table orders (key bigint primary key, product int not null, placed_at timestamptz not null default now());
  create table log (path text not null, at timestamptz not null default now());
`
