import type { Page } from '@playwright/test'

/** One line of the board, as a person reads it. */
export interface Lane {
  engine: string
  slot: number
  connection: string
  pid: number
  /** The words at the end: `executing 1.2 s`. */
  state: string
  holder: string
  line: string
}

/** What the board says of every open connection, read from the text on the screen. It unfolds those that do nothing. */
export async function readBoard(page: Page): Promise<Lane[]> {
  const folded = page.locator('.quiet-slots[aria-expanded=false]')
  while ((await folded.count()) > 0) await folded.first().click()
  const lanes: Lane[] = []
  for (const pool of await page.getByRole('region', { name: /pool/ }).all()) {
    const engine = (await pool.getByRole('heading').first().innerText()).trim()
    const rows = await pool
      .getByRole('row')
      .evaluateAll(elements =>
        elements.map(row =>
          [...row.querySelectorAll('[role=cell]')].map(cell => (cell as HTMLElement).innerText.trim()),
        ),
      )
    for (const [slot, connection, , holder, line, state] of rows) {
      const named = /^(c\d+) pid (\d+)$/.exec(connection ?? '')
      if (!named) continue
      lanes.push({
        engine,
        slot: Number(slot),
        connection: named[1] as string,
        pid: Number(named[2]),
        state: state ?? '',
        holder: holder ?? '',
        line: line ?? '',
      })
    }
  }
  return lanes
}
