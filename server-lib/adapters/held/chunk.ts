/** The bytes of a part of a body, as `write` and `end` are called with it. */
export function sizeOf([chunk, encoding]: readonly unknown[]): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
  }
  return chunk instanceof Uint8Array ? chunk.byteLength : 0
}

/**
 * A write that is kept for later. Whoever gave a callback may wait for it before the next part, and may use the buffer
 * again then: it is called at once, and its bytes are copied.
 */
export function copied<C extends { readonly args: unknown[] }>(call: C): C {
  const [chunk, encoding] = call.args
  const callback = call.args.findLast(argument => typeof argument === 'function')
  if (typeof callback !== 'function') return call
  process.nextTick(callback as () => void)
  const kept = typeof chunk === 'string' ? [chunk, encoding] : [Buffer.from(chunk as Uint8Array)]
  return { ...call, args: kept.filter(argument => typeof argument !== 'function') }
}
