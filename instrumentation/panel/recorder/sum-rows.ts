import { encoder, type Row } from '../../model/codec.ts'
import type { Time } from '../../model/rows.ts'
import { cellsOf } from './cells.ts'
import type { Ink } from './ink.ts'
import type { RequestSums } from './request-sums.ts'
import type { Stretch } from './stretch.ts'
import type { TextSum } from './text-sum.ts'

type Of<T extends { factsAt(at: Time): object }> = ReturnType<T['factsAt']> & { readonly id: string }

/** The function that makes rows of the sums that have changed since it was last asked. */
export function sumRows(ink: Ink): (sums: RequestSums, at: Time) => Iterable<Row> {
  const sumRow = encoder<Of<TextSum>>('statementsCounted', column => cellsOf(column, ink), {
    text: ({ text }) => (text === null ? null : ink.internShown(text)),
    site: ({ site }) => ink.textOrNull(site),
  })
  const stretchRow = encoder<Of<Stretch>>('executionCounted', column => cellsOf(column, ink))
  return function* ({ request: id, sums, stretches }, at) {
    for (const sum of changedOf(sums)) yield sumRow({ id, ...sum.factsAt(at) }, at)
    for (const stretch of changedOf(stretches)) yield stretchRow({ id, ...stretch.factsAt(at) }, at)
  }
}

function* changedOf<T extends { isChanged: boolean }>(all: readonly T[]): Iterable<T> {
  for (const one of all) {
    if (!one.isChanged) continue
    one.isChanged = false
    yield one
  }
}
