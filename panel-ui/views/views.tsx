import type { ReactNode } from 'react'
import { ConnectionsView } from './connections-view.tsx'
import { HealthView } from './health-view.tsx'
import { BoardIcon, HealthIcon, QueriesIcon, RequestsIcon, TransactionsIcon } from './icons.tsx'
import { QueriesView } from './queries-view.tsx'
import { RequestsView } from './requests-view.tsx'
import { TransactionsView } from './transactions-view.tsx'

export interface View {
  readonly id: string
  readonly title: string
  readonly key: string
  readonly icon: ReactNode
  readonly render: () => ReactNode
}

/** The panel's views, in the rail's order; the first is the home view. */
export const VIEWS: readonly View[] = [
  {
    id: 'connections',
    title: 'Connections',
    key: '1',
    icon: <BoardIcon />,
    render: () => <ConnectionsView />,
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
