import { EnginelightError } from '../../channels/errors.ts'

/** Which of the rows found. Whole numbers; the order of rows is that of the primary key where nothing else decides. */
export interface Page {
  /** How many are left out at the beginning. Default 0. */
  readonly offset?: number
  /** How many at most. Default: all. */
  readonly limit?: number
}

/** Throws EL_CONFIG for what is no whole number that one can count to. */
export function checkPage(finder: string, { offset = 0, limit }: Page): void {
  for (const [option, value] of Object.entries({ offset, limit })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue
    throw new EnginelightError(
      'EL_CONFIG',
      `${finder}: ${option} must be a whole number of 0 or more, and not ${String(value)}.`,
      {
        option,
      },
    )
  }
}
