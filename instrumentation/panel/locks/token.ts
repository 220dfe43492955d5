import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 128 random bits as they stand in a URL's fragment. */
export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Compares tokens in a time that says nothing of them. It counts no wrong ones: a count would lock out the developer, for
 * each page left open over a restart shows a wrong one. What keeps a token from being guessed is its length.
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

/** Of one length whatever came, which the comparison needs. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
