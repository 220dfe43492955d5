/** The size in bytes of a body part, given the arguments of `write` or `end`. */
export function sizeOf([chunk, encoding]: readonly unknown[]): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
  }
  return chunk instanceof Uint8Array ? chunk.byteLength : 0
}

/**
 * Copies a write that is held. Its callback is called at once, because the caller may wait for it before the next part;
 * the bytes are copied, because the caller may then reuse the buffer.
 */
export function copied<C extends { readonly args: unknown[] }>(call: C): C {
  const [chunk, encoding] = call.args
  const callback = call.args.findLast(argument => typeof argument === 'function')
  if (typeof callback !== 'function') return call
  process.nextTick(callback as () => void)
  const kept = typeof chunk === 'string' ? [chunk, encoding] : [Buffer.from(chunk as Uint8Array)]
  return { ...call, args: kept.filter(argument => typeof argument !== 'function') }
}
