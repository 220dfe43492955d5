import { expect, test } from 'vitest'
import { Linked, Ring } from './ring.ts'

class Member extends Linked {
  readonly name: string

  constructor(name: string) {
    super()
    this.name = name
  }
}

const namesOf = (ring: Ring<Member>) => ring.members().map(({ name }) => name)

test('keeps its members in the order of coming, and lets any of them leave, twice too', () => {
  const ring = new Ring<Member>()
  expect([ring.isEmpty, ring.first, namesOf(ring)]).toEqual([true, undefined, []])
  const [a, b, c] = ['a', 'b', 'c'].map(name => new Member(name)) as [Member, Member, Member]
  for (const member of [a, b, c]) ring.join(member)
  expect([namesOf(ring), ring.first, b.isMember]).toEqual([['a', 'b', 'c'], a, true])
  b.leave()
  b.leave()
  expect([namesOf(ring), b.isMember, b.before, b.after]).toEqual([['a', 'c'], false, b, b])
  ring.join(b)
  expect(ring.find(({ name }) => name > 'a')).toBe(c)
  for (const member of ring.members()) member.leave()
  expect([ring.isEmpty, namesOf(ring), a.isMember, c.isMember]).toEqual([true, [], false, false])
})
