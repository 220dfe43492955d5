import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const FAILURES = 5
const LOCKED_MS = 30_000

/** 128 random bits as they stand in a URL's fragment. */
export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Compares tokens in a time that says nothing of them. After five wrong ones in a row nobody comes in for 30 s,
 * not with the right one either.
 */
export class TokenLock {
  readonly #digest: Buffer
  readonly #now: () => number
  #failures = 0
  #lockedUntil = 0

  constructor(token: string, now: () => number = () => performance.now()) {
    this.#digest = digest(token)
    this.#now = now
  }

  admits(token: string): boolean {
    const now = this.#now()
    if (now < this.#lockedUntil) return false
    if (timingSafeEqual(digest(token), this.#digest)) {
      this.#failures = 0
      return true
    }
    if (++this.#failures >= FAILURES) {
      this.#failures = 0
      this.#lockedUntil = now + LOCKED_MS
    }
    return false
  }
}

/** Of one length whatever came, which the comparison needs. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
