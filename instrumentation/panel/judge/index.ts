export { Judge, type Knowing } from './judge.ts'
