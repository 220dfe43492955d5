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
   * Resolves when a text on the screen matches: the smallest element with it, and when it was drawn. What is below the
   * fold, or hidden, does not count.
   */
  sees(pattern, withinMs) {
    return this.#page.evaluate(
      ([source, flags, limit]) =>
        new Promise(resolve => {
          const wanted = new RegExp(source, flags)
          const isOnScreen = element => {
            const { top, bottom, width, height } = element.getBoundingClientRect()
            return width > 0 && height > 0 && top < innerHeight && bottom > 0
          }
          const find = () => {
            let best = null
            for (const element of document.querySelectorAll('main *')) {
              const text = element.innerText?.replace(/\s+/g, ' ').trim()
              if (!text || text.length > 600 || !wanted.test(text) || !isOnScreen(element)) continue
              if (best === null || text.length <= best.length) best = text
            }
            return best
          }
          const until = performance.now() + limit
          const look = () => {
            const text = find()
            if (text !== null) resolve({ text, at: Date.now() })
            else if (performance.now() > until) resolve(null)
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
