import { rolesOf } from '../../instrumentation/model/pool-load.ts'
import { TableScroll } from '../components/table-scroll.tsx'
import { said } from '../model/said.ts'
import { usePanel } from '../model/use-panel.ts'

/** The engines as passed to `createEngines`. */
export function ConfiguredEngines() {
  const engines = usePanel(view => view.state.engines)
  return (
    <section aria-label="Configured engines">
      <h2 className="section-head">
        Configured engines <span>the same for every request</span>
      </h2>
      <TableScroll label="Configured engines">
        <table className="detail-table">
          <thead>
            <tr>
              <th>engine</th>
              <th>pool</th>
              <th>database</th>
              <th>mode</th>
              <th>access</th>
              <th>enlist</th>
              <th>made by</th>
              <th className="right">max</th>
            </tr>
          </thead>
          <tbody>
            {[...engines.values()].map(engine => (
              <tr key={engine.engine} data-engine={engine.engine}>
                <td>
                  {engine.engine}{' '}
                  {rolesOf(engine)
                    .filter(role => role === 'default' || role === 'closed')
                    .map(role => (
                      <span className="role" key={role}>
                        {role}
                      </span>
                    ))}
                </td>
                <td>{engine.pool}</td>
                <td className="mono">
                  {engine.server ? (
                    `${engine.server}/${engine.database ?? ''}`
                  ) : (
                    <span className="dim">unknown</span>
                  )}
                </td>
                <td>
                  {said(engine.mode)}
                  {engine.transactional && <span className="dim">, transactional</span>}
                </td>
                <td>{said(engine.access)}</td>
                <td>{said(engine.enlist)}</td>
                <td>
                  {engine.owned
                    ? 'Enginelight'
                    : engine.source === 'borrowed'
                      ? 'Sharing Pool'
                      : said(engine.source)}
                </td>
                <td className="right">{engine.mode === 'borrowed' ? '–' : engine.max}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableScroll>
    </section>
  )
}
