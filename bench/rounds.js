/**
 * Asks every subject once per round, in an order that is drawn anew for each, so that what else goes on in the machine
 * meets them all alike. Resolves to one `{ [subject]: measured }` for each round; the first rounds are warm-up, and
 * left out.
 */
export async function measureRounds(subjects, { rounds, warmup, units, concurrency }) {
  const measured = []
  for (let round = -warmup; round < rounds; round++) {
    const results = {}
    for (const subject of shuffled(subjects)) {
      results[subject.name] = await subject.run(units(subject), concurrency)
    }
    if (round >= 0) measured.push(results)
  }
  return measured
}

/** Lets each subject work for about `ms`: code that has run only some thousand times is not compiled to its end yet. */
export async function warmUp(subjects, { ms, concurrency = 8 }) {
  for (const subject of subjects) {
    const until = performance.now() + ms
    while (performance.now() < until) await subject.run(concurrency * 50, concurrency)
  }
}

/** How many units each subject does in about `ms`. Resolves to a function of the subject. */
export async function calibrate(subjects, { ms, concurrency }) {
  const unitsOf = new Map()
  for (const subject of subjects) {
    let units = concurrency
    let { wallUs } = await subject.run(units, concurrency)
    while (units * wallUs < (ms * 1000) / 2) {
      units *= 2
      ;({ wallUs } = await subject.run(units, concurrency))
    }
    unitsOf.set(subject, Math.max(concurrency, Math.round((ms * 1000) / wallUs)))
  }
  return subject => unitsOf.get(subject)
}

function shuffled(list) {
  const drawn = [...list]
  for (let at = drawn.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[drawn[at], drawn[other]] = [drawn[other], drawn[at]]
  }
  return drawn
}
