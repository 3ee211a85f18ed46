/** What may wait for a slow reader, besides the largest batch, and for how long. Then its connection is closed. */
export const MAX_WAITING_BYTES = 256 * 1024
export const MAX_WAITING_MS = 10_000

export type Bytes = Uint8Array<ArrayBuffer>

/** A stream that ends when its reader is too slow. @param onOver called once, when the stream ends or its reader leaves */
export function createBoundedStream(onOver: () => void) {
  let controller: ReadableStreamDefaultController<Bytes> | undefined
  let isOver = false
  /** What the reader has not taken yet. Only what it takes is copied, for its connection. */
  const waiting: Bytes[] = []
  let waitingBytes = 0
  /** When the reader had last taken everything, and the most bytes that were sent at once since then. */
  let readAt = performance.now()
  let largestBatch = 0
  /** Ends the wait of a reader that has taken everything. */
  let wake: (() => void) | undefined

  function send(...batch: Bytes[]) {
    const now = performance.now()
    if (wake) {
      readAt = now
      largestBatch = 0
    }
    if (waitingBytes > largestBatch + MAX_WAITING_BYTES || now - readAt > MAX_WAITING_MS) {
      close()
      return
    }
    const bytes = batch.reduce((sum, { length }) => sum + length, 0)
    largestBatch = Math.max(largestBatch, bytes)
    waitingBytes += bytes
    waiting.push(...batch)
    wake?.()
  }

  async function pull(stream: ReadableStreamDefaultController<Bytes>) {
    if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    wake = undefined
    const bytes = waiting.shift()
    if (isOver || !bytes) return
    waitingBytes -= bytes.length
    stream.enqueue(bytes)
  }

  function stop() {
    isOver = true
    onOver()
    wake?.()
  }

  function close() {
    if (isOver) return
    stop()
    controller?.close()
  }

  return {
    send,
    close,
    open: () =>
      new ReadableStream<Bytes>(
        {
          start(started) {
            controller = started
            if (isOver) started.close()
          },
          pull,
          cancel: stop,
        },
        { highWaterMark: 0 },
      ),
  }
}
