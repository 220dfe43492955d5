create table shelves (
  id integer primary key
);

create table shipments (
  id bigint generated always as identity primary key,
  order_id integer not null,
  product_id integer not null,
  quantity integer not null check (quantity > 0),
  shelf integer not null references shelves deferrable initially deferred,
  booked_at timestamptz not null default now()
);

insert into shelves select generate_series(0, 9);

grant select on all tables in schema public to shop_warehouse;
grant insert on shipments to shop_warehouse;
-- For engines.install(), once: it makes two small tables.
grant create on schema public to shop_warehouse;
