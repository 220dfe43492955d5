import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 128 random bits, in a form for a URL's fragment. */
export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Compares tokens in constant time. Wrong ones are not counted: a limit would lock out the developer, because each page
 * left open over a restart sends a wrong one. A token is safe from guessing by its length.
 */
export class TokenLock {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digest(token)
  }

  admits(token: string): boolean {
    return timingSafeEqual(digest(token), this.#digest)
  }
}

/** Always of the same length, as the comparison requires. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
