import pg from 'pg'

const SCHEMA = `
  create table orders (id int primary key, n int not null);
  insert into orders select g, 0 from generate_series(1, 500) g`

let databases = 0

/** A database of its own on the server, and an administrator inside of it. */
export async function freshDatabase(serverUrl) {
  const name = `scenario_${++databases}`
  const eye = new pg.Client({ connectionString: serverUrl })
  await eye.connect()
  await eye.query(`create database ${name}`)
  await eye.end()
  const url = serverUrl.replace(/\/postgres$/, `/${name}`)
  const inside = new pg.Client({ connectionString: url, application_name: 'administrator' })
  await inside.connect()
  await inside.query(SCHEMA)
  return {
    url,
    admin: async (text, values) => (await inside.query(text, values)).rows,
    drop: () => inside.end(),
  }
}
