import { html } from './html.js'

/**
 * Answers with a page of the shop. Each links to the panel, at the requests that it was made of.
 *
 * @param {import('express').Response} res
 * @param {string} title
 * @param {import('./html.js').HtmlPiece} body
 */
export function sendPage(res, title, body) {
  const { panelUrl } = res.app.locals
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · The Paper Shop</title>
        <link rel="stylesheet" href="/shop.css" />
        <link rel="icon" href="/icon.svg" />
      </head>
      <body>
        <header>
          <a class="name" href="/">The Paper Shop</a>
          <nav>
            <a href="/">Products</a>
            <a href="/cart">Cart</a>
            <a href="/trouble">Trouble</a>
            ${panelUrl && html`<a class="panel" href="${panelUrl}" target="enginelight">Panel</a>`}
          </nav>
        </header>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>An example of Enginelight. Everything here is gone when the demo stops.</footer>
      </body>
    </html>`
  res.type('html').send(page.text)
}

/**
 * Whether a browser asks, who wants a page; programs get JSON.
 *
 * @param {import('express').Request} req
 */
export function wantsPage(req) {
  return req.accepts(['json', 'html']) === 'html'
}
