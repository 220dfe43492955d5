create table products (
  id integer generated always as identity primary key,
  name text not null unique,
  category text not null,
  description text not null,
  price_cents integer not null check (price_cents > 0)
);

create table stock (
  product_id integer primary key references products,
  quantity integer not null check (quantity >= 0)
);

create table customers (
  id integer generated always as identity primary key,
  name text not null,
  email text not null unique
);

create table coupons (
  code text primary key,
  percent integer not null check (percent between 1 and 90),
  uses_left integer not null check (uses_left >= 0)
);

create table cart_items (
  cart_id uuid not null,
  product_id integer not null references products,
  quantity integer not null check (quantity > 0),
  primary key (cart_id, product_id)
);

create table orders (
  id integer generated always as identity primary key,
  customer_id integer not null references customers,
  coupon text references coupons,
  total_cents integer not null check (total_cents >= 0),
  created_at timestamptz not null default now()
);
create index on orders (customer_id);

create table order_items (
  order_id integer not null references orders,
  product_id integer not null references products,
  quantity integer not null check (quantity > 0),
  price_cents integer not null,
  primary key (order_id, product_id)
);

create table payments (
  order_id integer primary key references orders,
  reference text not null unique,
  amount_cents integer not null,
  paid_at timestamptz not null default now()
);

-- Kept by an older part of the shop through TypeORM, and by a newer one through Drizzle.
create table reviews (
  id integer generated always as identity primary key,
  product_id integer not null references products,
  customer_id integer not null references customers,
  stars integer not null check (stars between 1 and 5),
  words text not null,
  unique (product_id, customer_id)
);
create table wishes (
  customer_id integer not null references customers,
  product_id integer not null references products,
  primary key (customer_id, product_id)
);

-- Kept by us, with knex, in their transactions.
create table popularity (
  product_id integer primary key references products,
  stars numeric(3, 2),
  wishes integer not null default 0
);

insert into products (name, category, description, price_cents) values
  ('Field Notebook', 'Paper', 'Sewn, dotted, 128 pages, opens flat.', 1250),
  ('Pocket Notebook', 'Paper', 'Fits the back pocket of any trousers.', 690),
  ('Letter Paper', 'Paper', 'Fifty sheets of laid paper, cream.', 1480),
  ('Wall Calendar', 'Paper', 'One sheet for the whole year.', 1900),
  ('Index Cards', 'Paper', 'Two hundred, ruled on one side.', 540),
  ('Fountain Pen', 'Pens', 'Steel nib, fine, takes cartridges.', 3900),
  ('Gel Pen', 'Pens', 'Black, 0.38 mm, does not smear.', 320),
  ('Brush Pen', 'Pens', 'For headlines and for letters to friends.', 780),
  ('Blue Pencil', 'Pens', 'The one that editors use.', 260),
  ('Mechanical Pencil', 'Pens', '0.5 mm, with a good eraser.', 1150),
  ('Bottled Ink', 'Ink', 'Blue-black, 50 ml, waterproof.', 1620),
  ('Ink Cartridges', 'Ink', 'Six, short, of the same blue-black.', 450),
  ('Desk Lamp', 'Desk', 'Warm light, three joints, heavy foot.', 8900),
  ('Pen Cup', 'Desk', 'Oak, turned from one piece.', 2400),
  ('Letter Tray', 'Desk', 'Stackable, powder-coated steel.', 3200),
  ('Paper Knife', 'Desk', 'Brass; grows darker with the years.', 2750),
  ('Desk Clock', 'Desk', 'Ticks, but quietly.', 4600),
  ('Stapler', 'Desk', 'Thirty sheets and no complaints.', 2100),
  ('Messenger Bag', 'Bags', 'Waxed canvas, holds a folder and a lunch.', 12900),
  ('Pencil Case', 'Bags', 'Roll-up, twelve places.', 1850);

insert into stock select id, 200 from products;

insert into customers (name, email)
select first || ' ' || last, lower(first || '.' || last) || '@example.com'
from unnest(array['Ada', 'Bela', 'Carl', 'Dora', 'Emil', 'Fanny']) as first,
  unnest(array['Adler', 'Berg', 'Curtis', 'Doyle', 'Ekman']) as last
order by last, first;

insert into coupons values ('WELCOME', 10, 1000000), ('SUMMER', 20, 1000000), ('SOLDOUT', 50, 0);

insert into orders (customer_id, total_cents, created_at)
select 1 + n * 7 % 30, 0, now() - (241 - n) * interval '3 hours' from generate_series(1, 240) n order by n;

insert into order_items (order_id, product_id, quantity, price_cents)
select orders.id, products.id, 1 + (orders.id + line) % 3, products.price_cents
from orders
cross join generate_series(0, 2) line
join products on products.id = 1 + (orders.id * 3 + line * 5) % 20;

update orders set total_cents = (
  select sum(quantity * price_cents) from order_items where order_id = orders.id
);

insert into payments (order_id, reference, amount_cents, paid_at)
select id, 'seed-' || id, total_cents, created_at from orders;

grant select on all tables in schema public to shop_reader;
grant select on all tables in schema public to shop_orm;
grant insert, update, delete on reviews, wishes, popularity to shop_orm;
grant select, insert, update, delete on all tables in schema public to shop_writer;
-- For engines.install(), once: it makes two small tables.
grant create on schema public to shop_writer;
analyze;
