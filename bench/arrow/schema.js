/** Eight columns of the kinds that reports are made of. */
export const schema = rows => `
  create table sales as select
    g as id,
    (g::int8 * 100003 % 1000)::int4 as quantity,
    g::int8 * 4611686018427 as account,
    g::float8 / 7 as ratio,
    ((g % 100000) / 100.0)::numeric(12, 2) as price,
    'customer number ' || g as name,
    g % 3 = 0 as paid,
    timestamptz '2020-01-01 00:00Z' + g * interval '1 second' as created_at
  from generate_series(1, ${rows}) as g;
  analyze sales`
