import type { Freshness } from '../feed/feed.ts'
import type { Caller, Verifier } from '../verifier.ts'

/** How often the feed is looked at while a value waits for a proof. */
const WAIT_MS = 1000

/**
 * The values of a subscription until its session ends or its token expires; then it completes. With `proven`, a value
 * waits while it is not known whether the session has ended.
 */
export function untilEnded<Value>(
  verifier: Verifier,
  caller: Caller,
  source: AsyncIterable<Value>,
  freshness: Freshness,
): AsyncIterableIterator<Value> {
  const values = source[Symbol.asyncIterator]()
  const state = { isEnded: false }
  let stopWatching = () => {}
  const ended = new Promise<'ended'>((resolve) => {
    stopWatching = verifier.watch(caller, () => {
      state.isEnded = true
      resolve('ended')
    })
  })

  async function finish(): Promise<IteratorResult<Value>> {
    stopWatching()
    state.isEnded = true
    // Not awaited: a source that waits for its next value ends only then.
    void values.return?.().catch(() => {})
    return { done: true, value: undefined }
  }

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const result = await Promise.race([values.next(), ended])
      if (result === 'ended') return finish()
      while (freshness === 'proven' && !state.isEnded && !verifier.isProven())
        await verifier.untilProven(WAIT_MS)
      return state.isEnded || result.done ? finish() : result
    },
    return: finish,
  }
}
