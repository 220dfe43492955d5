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

/** How many units a subject does in about `ms`. */
export async function unitsWithin(ms, subject, concurrency) {
  await subject.run(concurrency * 200, concurrency)
  const { wallUs } = await subject.run(concurrency * 200, concurrency)
  return Math.max(concurrency, Math.round((ms * 1000) / wallUs))
}

function shuffled(list) {
  const drawn = [...list]
  for (let at = drawn.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[drawn[at], drawn[other]] = [drawn[other], drawn[at]]
  }
  return drawn
}
