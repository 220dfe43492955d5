export { borrow } from './borrow.ts'
export type { Borrowed, BorrowOptions } from './borrow.ts'
export type { CurrentConnection, HostConnection } from './host-connection.ts'
export type { ControlPolicy } from './transaction-texts.ts'
