import { ruleOf } from '../repetition/rule-of.ts'

/** A loop over many rows asks the database for each: one question for all would do. */
export const nPlusOne = ruleOf('n+1', 'different values')
