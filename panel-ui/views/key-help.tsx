import './key-help.css'
import { useEffect, useRef } from 'react'
import { VIEWS } from './views.tsx'

const KEYS: [string, string][] = [
  ['j  k  ↓  ↑', 'the next, the one before'],
  ['Enter', 'open what is selected'],
  ['Esc', 'one level up'],
  ['/', 'search the list'],
  ['f', 'follow: newest first as they come, or stand still'],
  ['p', 'pause the page and go on'],
  ['t', 'theme: auto, light, dark'],
  ['?', 'this list'],
]

export function KeyHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog
      ref={dialog}
      className="key-help"
      aria-label="Keys"
      onClose={onClose}
      onClick={event => event.target === event.currentTarget && onClose()}
      onKeyDown={event => event.stopPropagation()}
    >
      <h2>Keys</h2>
      <dl>
        {[...VIEWS.map((view): [string, string] => [view.key, view.title]), ...KEYS].map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onClose}>
        Close
      </button>
    </dialog>
  )
}
