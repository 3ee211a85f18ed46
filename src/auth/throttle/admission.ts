import { AuthError } from '../../errors.ts'

type Options = { maxOperations: number; maxPerNetwork: number; onRefused?: () => void }

/** Limits how many operations run or wait at once, in all and of one network. The others are refused immediately. */
export function createAdmission({ maxOperations, maxPerNetwork, onRefused }: Options) {
  const perNetwork = new Map<string, number>()
  let operations = 0

  /** @throws `SERVICE_UNAVAILABLE` if too many run */
  return async function admit<T>(network: string, operation: () => T): Promise<Awaited<T>> {
    const ofNetwork = perNetwork.get(network) ?? 0
    if (operations >= maxOperations || ofNetwork >= maxPerNetwork) {
      onRefused?.()
      throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    }
    operations++
    perNetwork.set(network, ofNetwork + 1)
    try {
      return await operation()
    } finally {
      operations--
      const left = (perNetwork.get(network) ?? 1) - 1
      if (left > 0) perNetwork.set(network, left)
      else perNetwork.delete(network)
    }
  }
}
