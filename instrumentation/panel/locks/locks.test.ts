import { expect, test } from 'vitest'
import { NameLock, PeerLock, TokenLock, isHost, isOrigin, isRange, newToken } from './index.ts'

test('a peer on this machine comes in, whatever way its address is written', () => {
  const lock = new PeerLock([])
  for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])
    expect([address, lock.admits(address)]).toEqual([address, true])
  for (const address of [
    undefined,
    '',
    '10.0.0.1',
    '128.0.0.1',
    '0.0.0.0',
    '::',
    '::2',
    'fe80::1%lo',
    '::ffff:10.0.0.1',
    '127.0.0.1.evil.example',
    'localhost',
    '2130706433',
    '0x7f.1',
  ])
    expect([address, lock.admits(address)]).toEqual([address, false])
})

test('a range that was named comes in too, and no more', () => {
  const lock = new PeerLock(['172.17.0.0/16', '2001:db8::/32', '10.0.0.5'])
  for (const address of ['172.17.3.4', '::ffff:172.17.3.4', '2001:db8::7', '10.0.0.5', '127.0.0.1'])
    expect([address, lock.admits(address)]).toEqual([address, true])
  for (const address of ['172.18.0.1', '2001:db9::1', '10.0.0.6'])
    expect([address, lock.admits(address)]).toEqual([address, false])
})

test('ranges, hosts and origins of the options are told from what only looks like them', () => {
  const kept = <T>(values: T[], is: (value: T) => boolean) => values.filter(is)
  expect(
    kept(
      [
        '10.0.0.0/8',
        '::/0',
        '1.2.3.4',
        '10.0.0.0/33',
        '10.0.0/8',
        'x',
        '',
        '::1/129',
        '1.2.3.4/-1',
        '1.2.3.4/',
      ],
      isRange,
    ),
  ).toEqual(['10.0.0.0/8', '::/0', '1.2.3.4'])
  expect(
    kept(
      [
        'dev.example',
        'dev.example:8080',
        '[::2]:3000',
        'dev.example:80',
        '*',
        '*.example',
        'UPPER.example',
        'a/b',
        'a b',
        'u@h',
        '',
        'x:99999',
        '0x7f.1',
      ],
      isHost,
    ),
  ).toEqual(['dev.example', 'dev.example:8080', '[::2]:3000', 'dev.example:80'])
  expect(
    kept(
      ['https://dev.example', 'http://a:1', 'null', '*', 'https://dev.example/', 'file://', 'ftp://x', ''],
      isOrigin,
    ),
  ).toEqual(['https://dev.example', 'http://a:1'])
})

test('a host is ours by its whole text alone', () => {
  const lock = new NameLock(['dev.example', 'other.example:9000'], [])
  const own = { scheme: 'http', port: 3000 } as const
  const admitted = [
    'localhost:3000',
    '127.0.0.1:3000',
    '[::1]:3000',
    'dev.example',
    'dev.example:3000',
    'other.example:9000',
  ]
  for (const host of admitted) expect([host, lock.admitsHost(host, own)]).toEqual([host, true])
  for (const host of [
    undefined,
    '',
    'localhost',
    'localhost:3001',
    'LOCALHOST:3000',
    'localhost.:3000',
    'localhost.evil:3000',
    '127.0.0.1.nip.io:3000',
    '127.attacker.example:3000',
    '[::ffff:127.0.0.1]:3000',
    '2130706433:3000',
    '0x7f.1:3000',
    '127.0.0.1@evil:3000',
    'dev.example:8080',
    'other.example',
    'other.example:3000',
    'a.dev.example',
  ])
    expect([host, lock.admitsHost(host, own)]).toEqual([host, false])
  expect(lock.admitsHost('localhost', { scheme: 'http', port: 80 })).toBe(true)
  expect(lock.admitsHost('localhost', { scheme: 'https', port: 80 })).toBe(false)
})

test('an origin is that of the page as it was reached, or one that was named', () => {
  const lock = new NameLock([], ['https://dev.example'])
  const own = { scheme: 'http', port: 3000 } as const
  const is = (origin: string | undefined) => lock.admitsOrigin(origin, 'localhost:3000', own)
  expect(['http://localhost:3000', 'https://dev.example'].map(is)).toEqual([true, true])
  for (const origin of [
    undefined,
    'null',
    '',
    'http://127.0.0.1:3000',
    'https://localhost:3000',
    'http://localhost',
    'HTTP://localhost:3000',
    'http://localhost:3000/',
    'http://dev.example',
    'file://',
  ])
    expect([origin, is(origin)]).toEqual([origin, false])
})

test('a token is 128 bits, and the right one is admitted after any number of wrong ones', () => {
  expect(Buffer.from(newToken(), 'base64url').length).toBe(16)
  expect(newToken()).not.toBe(newToken())
  const lock = new TokenLock('a-token-of-length')
  const wrong = ['', 'a', 'a-token-of-lengtH', 'ä'.repeat(17), '\ud800', 'x'.repeat(10_000)]
  for (let round = 0; round < 100; round++)
    expect(wrong.map(token => lock.admits(token))).toEqual(wrong.map(() => false))
  expect(lock.admits('a-token-of-length')).toBe(true)
})
