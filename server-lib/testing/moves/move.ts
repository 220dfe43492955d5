import fc from 'fast-check'

/** One thing that the user of a session does. */
export type Move =
  | InnerMove
  | { do: 'parallel'; statements: ('insert' | 'select' | 'unique' | 'syntax')[]; via: 'builder' | 'query' }
  | { do: 'break'; rows: number; from: 'text' | 'builder' }
  | { do: 'destroy'; afterMs: number | null }
  | { do: 'fail in stream' }
  | { do: 'commit'; behindItsBack: boolean }
  | { do: 'stray savepoint' }
  | { do: 'rollback' | 'release' | 'roll back the container' }
  | { do: 'send'; text: 'BEGIN' | 'COMMIT' | 'ROLLBACK' }
  | { do: 'doom'; how: 'kill' | 'refuse' }
  | { do: 'kill'; how: 'idle' | 'running' }
  | { do: 'end'; how: 'end' | 'dispose' | 'abort'; running: boolean }
  | { do: 'any' | 'misuse' | 'reinit' | 'write aside' }
  | { do: 'pause'; ms: number }

/** What may also be done inside of a savepoint. */
export type InnerMove =
  | { do: 'select'; via: 'builder' | 'query' | 'raw' | 'stream' | 'knex' }
  | { do: 'insert'; via: 'builder' | 'query' | 'raw' | 'knex' }
  | { do: 'update'; via: 'builder' | 'query' }
  | { do: 'fail'; how: 'unique' | 'syntax' | 'divide'; via: 'builder' | 'query' }
  | { do: 'savepoint'; inner: InnerMove[]; end: 'keep' | 'throw' }
  | { do: 'knex transaction'; writes: number; end: 'keep' | 'throw' }

/** The engine that a sequence runs on. */
export interface Setting {
  source: 'connection' | 'knex' | 'pg.Pool'
  mode: 'transaction' | 'autocommit'
  access: 'read' | 'write'
  pipeline: boolean
  max: number
  /** Whether a check-out gives up so early that it may well fail. */
  impatient: boolean
}

/** Some sessions at once on one engine, each with its own moves. */
export interface Sequence {
  setting: Setting
  sessions: Move[][]
}

const of = fc.constantFrom

const flat: fc.Arbitrary<InnerMove> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: of('select'), via: of('builder', 'query', 'raw', 'stream', 'knex') }),
  },
  { weight: 4, arbitrary: fc.record({ do: of('insert'), via: of('builder', 'query', 'raw', 'knex') }) },
  { weight: 1, arbitrary: fc.record({ do: of('update'), via: of('builder', 'query') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: of('fail'),
      how: of('unique', 'syntax', 'divide'),
      via: of('builder', 'query'),
    }),
  },
) as fc.Arbitrary<InnerMove>

const { savepoint } = fc.letrec<{ savepoint: InnerMove; inner: InnerMove }>(tie => ({
  savepoint: fc.oneof(
    fc.record({
      do: of('savepoint'),
      inner: fc.array(tie('inner'), { maxLength: 3, depthIdentifier: 'savepoint' }),
      end: of('keep', 'throw'),
    }),
    fc.record({ do: of('knex transaction'), writes: fc.nat(2), end: of('keep', 'throw') }),
  ) as fc.Arbitrary<InnerMove>,
  inner: fc.oneof({ maxDepth: 2, depthIdentifier: 'savepoint' }, flat, tie('savepoint')),
}))

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 20, arbitrary: flat },
  { weight: 5, arbitrary: savepoint },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('parallel'),
      statements: fc.array(of('insert', 'select', 'unique', 'syntax'), { minLength: 2, maxLength: 4 }),
      via: of('builder', 'query'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: of('break'), rows: fc.nat(3), from: of('text', 'builder') }) },
  { weight: 2, arbitrary: fc.record({ do: of('destroy'), afterMs: of(null, 0, 1, 2) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fail in stream' }) },
  { weight: 6, arbitrary: fc.record({ do: of('commit'), behindItsBack: of(false, false, false, true) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'stray savepoint' }) },
  { weight: 4, arbitrary: fc.record({ do: of('rollback', 'release', 'roll back the container') }) },
  { weight: 3, arbitrary: fc.record({ do: of('send'), text: of('BEGIN', 'COMMIT', 'ROLLBACK') }) },
  { weight: 2, arbitrary: fc.record({ do: of('doom'), how: of('kill', 'refuse') }) },
  { weight: 2, arbitrary: fc.record({ do: of('kill'), how: of('idle', 'running') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: of('end'),
      how: of('end', 'dispose', 'abort', 'abort'),
      running: of(true, true, false),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: of('any', 'misuse', 'reinit', 'write aside') }) },
  { weight: 2, arbitrary: fc.record({ do: of('pause'), ms: of(0, 1, 3) }) },
) as fc.Arbitrary<Move>

const setting: fc.Arbitrary<Setting> = fc.record({
  source: of('connection', 'knex', 'pg.Pool'),
  mode: of('transaction', 'transaction', 'transaction', 'autocommit'),
  access: of('write', 'write', 'write', 'write', 'read'),
  pipeline: fc.boolean(),
  max: fc.integer({ min: 1, max: 3 }),
  impatient: of(false, false, false, false, true),
})

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  setting,
  sessions: fc.array(fc.array(move, { minLength: 1, maxLength: 12, size: 'max' }), {
    minLength: 2,
    maxLength: 5,
    size: 'max',
  }),
})
