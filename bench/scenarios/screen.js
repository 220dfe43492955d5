import { chromium } from '@playwright/test'

/** What is on the first screen of the home, without a click or a key. */
export class Screen {
  #browser
  #page

  static async open(executablePath, { width = 1440, height = 900, colorScheme = 'light' } = {}) {
    const screen = new Screen()
    screen.#browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    const context = await screen.#browser.newContext({ viewport: { width, height }, colorScheme })
    screen.#page = await context.newPage()
    return screen
  }

  get page() {
    return this.#page
  }

  async show(url) {
    await this.#page.goto(url)
    await this.#page.getByText('live', { exact: true }).first().waitFor()
  }

  /**
   * Resolves when a finding on the screen matches: its words, what stands around them, and when it was drawn. What is
   * below the fold, or hidden, does not count.
   */
  sees(pattern, withinMs) {
    return this.#page.evaluate(
      ([source, flags, limit]) =>
        new Promise(resolve => {
          const wanted = new RegExp(source, flags)
          const textOf = element => element?.innerText.replace(/\s+/g, ' ').trim() ?? ''
          const isOnScreen = element => {
            const { top, bottom, width, height } = element.getBoundingClientRect()
            return width > 0 && height > 0 && top < innerHeight && bottom > 0
          }
          const find = () => {
            for (const card of document.querySelectorAll('.finding')) {
              const words = [card.querySelector('.finding-sentence'), card.querySelector('.finding-why')]
              const text = words.map(textOf).join(' ').trim()
              if (wanted.test(text) && isOnScreen(card)) return { text, around: textOf(card), at: Date.now() }
            }
            return null
          }
          const until = performance.now() + limit
          const look = () => {
            const found = find()
            if (found !== null || performance.now() > until) resolve(found)
            else requestAnimationFrame(look)
          }
          look()
        }),
      [pattern.source, pattern.flags, withinMs],
    )
  }

  text() {
    return this.#page.locator('main').innerText()
  }

  picture(path) {
    return this.#page.screenshot({ path })
  }

  close() {
    return this.#browser.close()
  }
}
