export { Judge } from './judge.ts'
export { KeptState } from './kept-state.ts'
