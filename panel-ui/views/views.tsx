import type { ReactNode } from 'react'
import { BoardIcon, RequestsIcon, TransactionsIcon } from './icons.tsx'
import { lazyView } from './lazy-view.tsx'
import { NowView } from './now-view.tsx'

const RequestsView = lazyView('RequestsView', () => import('./requests-view.tsx'))
const TransactionsView = lazyView('TransactionsView', () => import('./transactions-view.tsx'))

export interface View {
  readonly id: string
  readonly title: string
  readonly key: string
  readonly icon: ReactNode
  readonly render: () => ReactNode
}

/** The panel's views, in the rail's order; the first is the home view, which comes with the page itself. */
export const VIEWS: readonly View[] = [
  {
    id: 'now',
    title: 'Now',
    key: '1',
    icon: <BoardIcon />,
    render: () => <NowView />,
  },
  {
    id: 'requests',
    title: 'Requests',
    key: '2',
    icon: <RequestsIcon />,
    render: () => <RequestsView />,
  },
  {
    id: 'transactions',
    title: 'Transactions',
    key: '3',
    icon: <TransactionsIcon />,
    render: () => <TransactionsView />,
  },
]
