import './health-view.css'
import { useEffect } from 'react'
import { chooseEditor, editorLink, EDITORS, useEditor, type Editor } from '../editor.ts'
import { checksOf, type Check } from '../model/health.ts'
import { useModel, useMoment, usePanel } from '../model/use-panel.ts'
import { NotYetHeard } from './nothing-yet.tsx'

const GLYPHS: Record<Check['state'], string> = { ok: '✓', warning: '!', unknown: '?' }

/** How the panel itself is: what it watches, holds, costs and hides. */
export function HealthView() {
  const hello = usePanel(view => view.hello)
  const stat = usePanel(view => view.stat)
  const { state, now } = useMoment()
  const model = useModel()
  useEffect(() => model.watch(), [model])
  if (!hello) return <NotYetHeard />
  const checks = checksOf({ hello, stat, engines: state.engines, now })
  const warnings = checks.filter(check => check.state === 'warning').length
  const unknown = checks.filter(check => check.state === 'unknown').length
  return (
    <main className="health" aria-label="Health">
      <h1>
        {warnings === 0
          ? 'The panel sees everything that it should.'
          : `${warnings} of ${checks.length} checks of the panel need a look.`}
        {unknown > 0 && <span> {unknown} could not be told.</span>}
      </h1>
      <table className="health-table" aria-label="Checks">
        <tbody>
          {checks.map(check => (
            <tr key={check.about} data-state={check.state}>
              <td className="health-state">
                <i aria-hidden="true">{GLYPHS[check.state]}</i> {check.state}
              </td>
              <th scope="row">{check.about}</th>
              <td>
                {check.says}
                {check.remedy && <p>{check.remedy}</p>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <EditorChoice />
    </main>
  )
}

const EXAMPLE = 'src/orders.ts:41'

/** Where lines of code open. */
function EditorChoice() {
  const choice = useEditor()
  const link = editorLink(EXAMPLE, choice)
  return (
    <section className="health-editor" aria-label="Editor">
      <h2 className="section-head">
        Editor <span>lines of code become links; this stays in your browser</span>
      </h2>
      <div className="health-fields">
        <label>
          opens in
          <select
            value={choice.editor}
            onChange={event => chooseEditor({ editor: event.target.value as Editor | 'none' })}
          >
            <option value="none">no editor</option>
            {EDITORS.map(editor => (
              <option key={editor}>{editor}</option>
            ))}
          </select>
        </label>
        <label>
          your folder
          <input
            value={choice.to}
            onChange={event => chooseEditor({ to: event.target.value })}
            placeholder="/home/me/shop"
            spellCheck={false}
          />
        </label>
        <label>
          the process’s folder, for whole paths
          <input
            value={choice.from}
            onChange={event => chooseEditor({ from: event.target.value })}
            placeholder="/app"
            spellCheck={false}
          />
        </label>
      </div>
      {choice.editor !== 'none' && (
        <p className="dim">
          {link === null ? (
            'Your folder is missing: without it a line such as src/orders.ts:41 cannot be found.'
          ) : (
            <>
              <span className="mono">{EXAMPLE}</span> opens <span className="mono">{link}</span>
            </>
          )}
        </p>
      )}
    </section>
  )
}
