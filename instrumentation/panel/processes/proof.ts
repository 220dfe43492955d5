import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ProcessFacts } from '../../model/protocol.ts'

/** The answer to a challenge: only who has the token can give it, and the token is not told. */
export const proofOf = (token: string, challenge: string): string =>
  createHmac('sha256', token).update(`enginelight ${challenge}`).digest('base64url')

export const PROOF_PATH = '/__enginelight/proof'
export const CHALLENGE = /^[\w-]{16,64}$/

/** What a process says of itself, and shows that it has the token. */
export interface Proven extends ProcessFacts {
  readonly proof: string
}

export const proven = (facts: ProcessFacts, token: string): Proven => ({
  ...facts,
  proof: proofOf(token, facts.boot),
})

export function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
