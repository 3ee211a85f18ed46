import { AuthError } from '../../errors.ts'

type Options = {
  /** Both are read at each admission, because they may depend on how fast operations end. */
  maxOperations: () => number
  /** Each network can have one. */
  maxPerNetwork: () => number
  onRefused?: () => void
}

/** Limits how many operations run or wait at once, in all and of one network. The others are refused immediately. */
export function createAdmission({ maxOperations, maxPerNetwork, onRefused }: Options) {
  const perNetwork = new Map<string, number>()
  let operations = 0

  const isFull = (network: string) =>
    operations >= maxOperations() || (perNetwork.get(network) ?? 0) >= Math.max(1, maxPerNetwork())

  /** Call `leave` when the operation ends. @throws `SERVICE_UNAVAILABLE` if too many run */
  function enter(network: string) {
    if (isFull(network)) {
      onRefused?.()
      throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    }
    operations++
    perNetwork.set(network, (perNetwork.get(network) ?? 0) + 1)
  }

  function leave(network: string) {
    operations--
    const left = (perNetwork.get(network) ?? 1) - 1
    if (left > 0) perNetwork.set(network, left)
    else perNetwork.delete(network)
  }

  async function admit<T>(network: string, operation: () => T): Promise<Awaited<T>> {
    enter(network)
    try {
      return await operation()
    } finally {
      leave(network)
    }
  }

  return { admit, enter, leave, isFull }
}
