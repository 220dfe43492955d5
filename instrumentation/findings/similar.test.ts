import { expect, test } from 'vitest'
import { foldRuns } from './similar.ts'
import { aStatement } from './testing/made-up.ts'

const sent = (texts: readonly string[]) => texts.map((text, i) => aStatement({ id: `q${i}`, text }))
const repeat = (times: number, ...texts: string[]) => Array.from({ length: times }, () => texts).flat()
const folded = (texts: readonly string[], opened: string[] = []) =>
  foldRuns(sent(texts), new Set(opened)).map(line =>
    line.type === 'run' ? `${line.statements.length / line.inTurn} × ${line.inTurn}` : line.type,
  )

test('runs of similar statements are one line, and so are rounds of several in turn', () => {
  expect(folded(repeat(7, 'a'))).toEqual(['7 × 1'])
  expect(folded(repeat(4, 'a'))).toEqual(['one', 'one', 'one', 'one'])
  expect(folded(['x', ...repeat(60, 'a', 'b', 'c'), 'a', 'y'])).toEqual(['one', '60 × 3', 'one', 'one'])
  expect(folded(repeat(6, 'BEGIN', 'a', 'COMMIT'))).toEqual(['6 × 3'])
  expect(folded(repeat(6, 'SAVEPOINT a', 'RELEASE a'))).not.toContain('6 × 2')
})

test('an opened run shows each of its statements, and nothing is lost or told twice', () => {
  expect(folded(repeat(5, 'a', 'b'), ['q0'])).toEqual(['5 × 2', ...repeat(10, 'one')])
  for (const texts of [repeat(9, 'a', 'a', 'b'), [...repeat(5, 'a'), ...repeat(6, 'a', 'b')]]) {
    const ids = foldRuns(sent(texts), new Set()).flatMap(line =>
      line.type === 'run'
        ? line.statements.map(({ id }) => id)
        : line.type === 'one'
          ? [line.statement.id]
          : [],
    )
    expect(ids).toEqual(texts.map((_, i) => `q${i}`))
  }
})
