import { createDeadline } from '../deadline.ts'
import type { Env } from '../env.ts'
import { isAddress, withoutBrackets } from '../settings/kinds/host.ts'
import { isPublicOrIn } from '../settings/kinds/network.ts'

/** A fault of a delivery, as the state of the delivery shows it. */
export class DeliveryFault extends Error {
  override readonly name = 'DeliveryFault'
}

export type Address = { address: string; family: 4 | 6 }

/** The settings that say where events may be sent. In development, receivers are on this machine or beside it. */
export type TargetSettings = Pick<Env, 'NODE_ENV' | 'WEBHOOK_NETWORKS'>

/** How long the look-up of a name may take. With a silent name server, the library waits for half a minute and longer. */
export const MAX_LOOKUP_MS = 5000

type Resolve = (hostname: string) => Promise<readonly Address[]>

/**
 * Finds the address to connect to, so that an event cannot reach a system that only this server can reach. The caller must
 * connect to this address and not resolve the name again: a name can resolve to another address a moment later.
 */
export function createTargetFinder(
  { NODE_ENV, WEBHOOK_NETWORKS }: TargetSettings,
  resolve: Resolve = resolveName,
) {
  const isAllowed = ({ address }: Address) =>
    NODE_ENV !== 'production' || isPublicOrIn(WEBHOOK_NETWORKS, address)

  const inTime = createDeadline(MAX_LOOKUP_MS, withoutAddress)

  /** @throws `DeliveryFault` if the name has no address, or none that may be called */
  return async function findTarget(hostname: string): Promise<Address> {
    const host = withoutBrackets(hostname)
    const addresses: readonly Address[] = isAddress(host)
      ? [{ address: host, family: host.includes(':') ? 6 : 4 }]
      : await inTime(resolve(host), () => new DeliveryFault('the name server does not answer'))
    if (addresses.length === 0) throw withoutAddress()
    const allowed = addresses.find(isAllowed)
    if (!allowed) throw new DeliveryFault('the address is not public')
    return allowed
  }
}

const withoutAddress = () => new DeliveryFault('the name has no address')

/**
 * Not by the operating system's function, which holds a thread until it answers, and the threads also hash passwords. The
 * name server of a receiver decides when it answers.
 */
const resolveName = (hostname: string) => Bun.dns.lookup(hostname, { backend: 'c-ares' })
