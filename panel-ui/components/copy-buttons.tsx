import './copy-buttons.css'
import { useState } from 'react'

export interface CopyOffer {
  /** `SQL`, `curl`, `Markdown`. */
  readonly as: string
  readonly text: () => string
}

const TOLD_MS = 1_500

/** Copies what is shown, in forms that others read. */
export function CopyButtons({ offers }: { offers: readonly CopyOffer[] }) {
  const [told, setTold] = useState<string | null>(null)
  const copy = async ({ as, text }: CopyOffer) => {
    const done = await copied(text())
    setTold(done ? `${as} copied` : `${as} could not be copied: the browser refuses it here`)
    setTimeout(() => setTold(null), TOLD_MS)
  }
  return (
    <span className="copy-buttons">
      copy{' '}
      {offers.map(offer => (
        <button
          type="button"
          key={offer.as}
          onClick={() => void copy(offer)}
          aria-label={`Copy as ${offer.as}`}
        >
          {offer.as}
        </button>
      ))}
      <span role="status">{told}</span>
    </span>
  )
}

/** A page that was not opened over HTTPS or from this machine has no clipboard of the newer kind. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
