// What runs in the browser, in our page and in the one beside it alike. Playwright sends these functions as text.

/** The time from one frame to the next, for so long. */
export const frames = ms =>
  new Promise(resolve => {
    const took = []
    const until = performance.now() + ms
    let last
    const next = at => {
      if (last !== undefined) took.push(at - last)
      last = at
      if (at < until) requestAnimationFrame(next)
      else resolve(took)
    }
    requestAnimationFrame(next)
  })

/** The same while what the selector finds is scrolled, so many pixels a frame. */
export const framesScrolling = ({ selector, ms, pixels }) =>
  new Promise(resolve => {
    const scroller = document.querySelector(selector)
    const took = []
    const until = performance.now() + ms
    let by = pixels
    let last
    const next = at => {
      if (last !== undefined) took.push(at - last)
      last = at
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) by = -pixels
      if (scroller.scrollTop <= 0) by = pixels
      scroller.scrollBy(0, by)
      if (at < until) requestAnimationFrame(next)
      else resolve(took)
    }
    requestAnimationFrame(next)
  })

/** Resolves to how long ago the next fact was told when its text had been painted. */
export const nextFact = () =>
  new Promise(resolve => {
    const seen = () => [...document.body.innerText.matchAll(/fact-(\d+)/g)].map(([, at]) => Number(at))
    const known = new Set(seen())
    const observer = new MutationObserver(() => {
      const fresh = seen().find(at => !known.has(at))
      if (fresh === undefined) return
      observer.disconnect()
      // A frame's callbacks come before it is painted, a message's turn after that.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = () => resolve(Date.now() - fresh)
        port2.postMessage(null)
      })
    })
    observer.observe(document.body, { subtree: true, childList: true, characterData: true })
  })

/** Resolves to the milliseconds until a frame with what the selector finds has been painted. */
export const untilPainted = ({ selector, hash }) =>
  new Promise(resolve => {
    const startedAt = performance.now()
    if (hash !== null) location.hash = hash
    const look = () => {
      if (!document.querySelector(selector)) return requestAnimationFrame(look)
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => resolve(performance.now() - (hash === null ? 0 : startedAt))
      port2.postMessage(null)
    }
    look()
  })

/** A list of so many lines, each an element that is always there. */
export const plainList = lines => {
  const list = document.createElement('div')
  list.className = 'plain'
  list.style.cssText = 'height:100vh;overflow:auto'
  for (let line = 0; line < lines; line++) {
    const row = document.createElement('div')
    row.textContent = `select "c${line % 40}" from "t${line % 7}" where "id" = $1 and "state" <> $2 main 0.2 1`
    row.style.height = '30px'
    list.append(row)
  }
  document.body.style.margin = '0'
  document.body.append(list)
}
