import { useEffect } from 'react'
import { tallyOf, type Tally } from '../model/finding-index.ts'
import { usePanel } from '../model/use-panel.ts'

/** The browser's tab: its title and its icon say how many things are wrong, while another tab is looked at. */
export function useTab(): void {
  const application = usePanel(view => view.hello?.application)
  const isLive = usePanel(view => view.link.state === 'live')
  const findings = usePanel(view => view.findings)
  const { now, worst } = tallyOf(findings ?? [])
  const lamp = !isLive ? 'out' : (worst ?? 'calm')
  useEffect(() => {
    const name = application ? `${application} · Enginelight` : 'Enginelight'
    document.title = isLive && now > 0 ? `(${now}) ${name}` : name
  }, [application, isLive, now])
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (icon) icon.href = `data:image/svg+xml,${encodeURIComponent(iconOf(lamp))}`
  }, [lamp])
}

type Lamp = NonNullable<Tally['worst']> | 'calm' | 'out'

/** Rim, body and light of the lamp. Without the process it is out. */
const LAMPS: Record<Lamp, readonly [rim: string, body: string, light: string]> = {
  bad: ['#8f1d16', '#d8352a', '#ffb3ab'],
  warn: ['#a8741a', '#d9a12b', '#ffd978'],
  calm: ['#0f6e56', '#1f8f6c', '#9fe0c8'],
  out: ['#7a7d77', '#a9aca6', '#d5d7d2'],
}

/** A disc; with something wrong a shape of its own, which needs no colour to be told apart. */
function iconOf(lamp: Lamp): string {
  const [rim, body, light] = LAMPS[lamp]
  const shape =
    lamp === 'bad'
      ? `<path d='M8 0.5 15.5 8 8 15.5 0.5 8Z' fill='${body}' stroke='${rim}'/><path d='M8 4.5v4.2M8 10.6v1.2' stroke='#fff' stroke-width='1.8'/>`
      : `<circle cx='8' cy='8' r='7' fill='${rim}'/><circle cx='8' cy='8' r='6' fill='${body}'/><circle cx='6' cy='5.5' r='2.6' fill='${light}'/>`
  return `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${shape}</svg>`
}
