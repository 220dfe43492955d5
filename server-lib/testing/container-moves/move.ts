import fc from 'fast-check'

/** Two engines on one database, the third on another. */
export const NAMES = ['one', 'two', 'three'] as const
export type Name = (typeof NAMES)[number]

/** What may also be done inside of a savepoint. */
export type InnerMove =
  | { do: 'write'; on: Name; via: 'query' | 'builder' | 'function' }
  | { do: 'read' | 'mark'; on: Name }
  | { do: 'fail'; on: Name; how: 'unique' | 'divide' }
  | { do: 'write at once'; on: Name[] }
  | { do: 'savepoint'; of: 'all' | Name; inner: InnerMove[]; end: 'keep' | 'throw' | 'commit' }

/** One thing that the user of a container does. */
export type Move =
  | InnerMove
  | { do: 'commit'; and: 'nothing' | 'commit' | 'write' | 'kill' | 'end'; on: Name }
  | { do: 'rollback' | 'doom' | 'end' }
  | { do: 'commit the session' | 'roll back the session' | 'refuse at commit' | 'notify'; on: Name }
  | { do: 'hook'; when: 'before' | 'after' | 'undone'; how: 'nothing' | 'throw' | 'write' | 'doom'; on: Name }
  | { do: 'kill'; on: Name; isNoticed: boolean }
  | { do: 'pause'; ms: number }

/** Some containers at once on the same engines, each with its own moves. */
export interface Sequence {
  /** Of each engine's pool. */
  max: number
  containers: Move[][]
}

const of = fc.constantFrom
const on = of(...NAMES)

const flat = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: of('write'), on, via: of('query', 'builder', 'function') }) },
  { weight: 2, arbitrary: fc.record({ do: of('read', 'mark'), on }) },
  { weight: 1, arbitrary: fc.record({ do: of('fail'), on, how: of('unique', 'divide') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: of('write at once'), on: fc.array(on, { minLength: 2, maxLength: 4 }) }),
  },
) as fc.Arbitrary<InnerMove>

const { savepoint } = fc.letrec<{ savepoint: InnerMove; inner: InnerMove }>(tie => ({
  savepoint: fc.record({
    do: of('savepoint'),
    of: of('all', 'all', 'all', ...NAMES),
    inner: fc.array(tie('inner'), { maxLength: 3, depthIdentifier: 'savepoint' }),
    end: of('keep', 'keep', 'throw', 'throw', 'commit'),
  }) as fc.Arbitrary<InnerMove>,
  inner: fc.oneof({ maxDepth: 2, depthIdentifier: 'savepoint' }, flat, tie('savepoint')),
}))

const move = fc.oneof(
  { weight: 20, arbitrary: flat },
  { weight: 5, arbitrary: savepoint },
  {
    weight: 9,
    arbitrary: fc.record({
      do: of('commit'),
      and: of('nothing', 'nothing', 'nothing', 'commit', 'write', 'kill', 'kill', 'end'),
      on,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: of('rollback', 'rollback', 'rollback', 'doom', 'end') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('commit the session', 'roll back the session', 'refuse at commit', 'notify'),
      on,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('hook'),
      when: of('before', 'after', 'undone'),
      how: of('nothing', 'throw', 'write', 'doom'),
      on,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: of('kill'), on, isNoticed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: of('pause'), ms: of(0, 1, 3) }) },
) as fc.Arbitrary<Move>

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  containers: fc.array(fc.array(move, { minLength: 3, maxLength: 14, size: 'max' }), {
    minLength: 2,
    maxLength: 4,
    size: 'max',
  }),
})
