export { Judge } from './judge.ts'
