/** A number of a sentence with its unit, as milliseconds or as a count. */
const NUMBER = /(\d[\d,]*(?:\.\d+)?)(?: ?(ms|s|min)\b)?/g
const UNITS = { ms: 1, s: 1_000, min: 60_000 }

/** Ids, pids of a word, lines of code and SQLSTATEs are names, and no numbers. */
const withoutNames = sentence =>
  sentence
    .replace(/[\w./-]+\.(?:[cm]?[jt]sx?):\d+(?::\d+)?/g, ' ')
    .replace(/\bpid \d+/g, ' ')
    .replace(/\b(?:[a-z]{1,2}\d+|\d{2}[A-Z0-9]\d{2}|[A-Z]+_[A-Z_]+|https?:\S+|(?:GET|POST) \/\S*)\b/g, ' ')
    .replace(/\d\d:\d\d(?::\d\d)?/g, ' ')

export function numbersOf(sentence) {
  return [...withoutNames(sentence).matchAll(NUMBER)].map(([text, digits, unit]) => ({
    text: text.trim(),
    value: Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1),
    isTime: unit in UNITS,
  }))
}

/** What of a sentence's numbers is not among those that are true. Each true one is a number, or a range. */
export function untrue(sentence, truths) {
  const all = Object.values(truths).map(truth => (Array.isArray(truth) ? truth : [truth, truth]))
  return numbersOf(sentence)
    .filter(({ value }) => !all.some(([from, to]) => value >= from && value <= to))
    .map(({ text }) => text)
}
