create table access_log (
  id bigint generated always as identity primary key,
  request text not null,
  method text not null,
  path text not null,
  at timestamptz not null default now()
);

create table audit (
  id bigint generated always as identity primary key,
  request text not null,
  what text not null,
  details jsonb not null,
  at timestamptz not null default now()
);

grant select, insert on all tables in schema public to shop_logger;
