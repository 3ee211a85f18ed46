import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'

/** Creates a counter that all replicas share. Any store of `rate-limiter-flexible` works, for example Redis. */
export type CounterFactory = (options: {
  keyPrefix: string
  points: number
  duration: number
  /** Once this many are counted, further ones are refused from memory. */
  inMemoryBlockOnConsumed?: number
}) => RateLimiterAbstract

/** Adds one to a counter and returns its state. The library rejects with the state if the counter is used up. */
export async function consumePoint(
  counter: RateLimiterAbstract,
  key: string,
  options = {},
): Promise<RateLimiterRes> {
  return counter.consume(key, 1, options).catch((fault: unknown) => {
    if (fault instanceof RateLimiterRes) return fault
    throw fault
  })
}
