/** A piece of HTML that is safe to insert into another. */
class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text
  }
  toString() {
    return this.text
  }
}

/** @typedef {Html} HtmlPiece */

/** @type {Record<string, string>} */
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** @param {unknown} value @returns {string} */
function insert(value) {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(insert).join('')
  if (value === null || value === undefined || value === false) return ''
  return String(value).replace(/[&<>"']/g, character => ENTITIES[character] ?? character)
}

/**
 * A template tag: what is inserted is escaped, unless it is HTML itself; lists are joined.
 *
 * @param {TemplateStringsArray} strings
 * @param {unknown[]} values
 */
export function html(strings, ...values) {
  return new Html(String.raw({ raw: strings }, ...values.map(insert)))
}

/** @param {number} cents */
export function money(cents) {
  return (cents / 100).toLocaleString('en', { style: 'currency', currency: 'EUR' })
}
