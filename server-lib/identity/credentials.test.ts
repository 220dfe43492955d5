import { expect, test } from 'vitest'
import { withoutCredentials } from './credentials.ts'

test.each([
  [
    'could not reach postgres://bob:hun@SECRET@db.internal/shop',
    'could not reach postgres://•••@db.internal/shop',
  ],
  ['no route to https://SECRET@host for it', 'no route to https://•••@host for it'],
  ['postgres://bob:SEC/RET@db/shop', 'postgres://•••@db/shop'],
  ['postgres://bob:SEC RET@db/shop', 'postgres://•••@db/shop'],
  ['postgres://bob:SEC#R?ET@db/shop', 'postgres://•••@db/shop'],
  ['postgres://a:SECRET@one,postgres://b:SECRET@two', 'postgres://•••@two'],
  ['postgres://bob:SECRET', 'postgres://bob:•••'],
  ['bob:SECRET@db.internal was refused', '•••@db.internal was refused'],
  ['postgres://db/shop?user=bob&password=SECRET', 'postgres://db/shop?user=bob&password=•••'],
  ['host=db password=SECRET user=bob', 'host=db password=••• user=bob'],
  ["host=db password='SEC\\' RET' user=bob", 'host=db password=••• user=bob'],
  ['host=db password=SEC\\ RET user=bob', 'host=db password=••• user=bob'],
  ['PGPASSWORD=SECRET psql', 'PGPASSWORD=••• psql'],
  ['{"password":"SEC\\"RET","host":"db"}', '{"password":•••,"host":"db"}'],
  ['"{\\"password\\":\\"SECRET\\",\\"a\\":1}"', '"{\\"password\\":•••,\\"a\\":1}"'],
  ["{ user: 'bob', password: 'SECRET' }", "{ user: 'bob', password: ••• }"],
  ["secretAccessKey => 'SECRET'", 'secretAccessKey => •••'],
  ['Authorization: Bearer SECRET', 'Authorization: •••'],
  ["alter role bob password 'SECRET' valid", 'alter role bob password ••• valid'],
  ['password="SECRET', 'password=•••'],
])('%s', (text, shown) => {
  expect(withoutCredentials(text)).toBe(shown)
})

test.each([
  'connect to http://localhost:3000/x or http://[::1]:30/x',
  "Cannot find package '@acme/db' imported from file:///app/node_modules/@scope/x.js",
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
  'mail bob@example.com',
  '',
])('it leaves %j alone', text => {
  expect(withoutCredentials(text)).toBe(text)
})
