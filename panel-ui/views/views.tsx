import type { ReactNode } from 'react'
import { BoardIcon, HealthIcon, QueriesIcon, RequestsIcon, TransactionsIcon } from './icons.tsx'
import { lazyView } from './lazy-view.tsx'
import { NowView } from './now-view.tsx'

const HealthView = lazyView('HealthView', () => import('./health-view.tsx'))
const QueriesView = lazyView('QueriesView', () => import('./queries-view.tsx'))
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
  {
    id: 'queries',
    title: 'Queries',
    key: '4',
    icon: <QueriesIcon />,
    render: () => <QueriesView />,
  },
  {
    id: 'health',
    title: 'Health',
    key: '5',
    icon: <HealthIcon />,
    render: () => <HealthView />,
  },
]
