import { Wanted } from './wanted.ts'

/** Whether an observer compares the values of statements, by their hash. */
export const comparedValues = new Wanted('value comparers')
