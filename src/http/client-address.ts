import { type BlockList, isIP } from 'node:net'
import type { AppContext } from './context.ts'

/**
 * The client's address: the socket's, unless that is a trusted proxy; then the right-most address
 * of `X-Forwarded-For` that is not a proxy of ours, since everything left of it is hearsay.
 */
export function clientAddress(c: AppContext, trustedProxies: BlockList): string | null {
  const socket = plain(c.env.address() ?? '')
  const hops = (c.req.header('x-forwarded-for') ?? '').split(',').map((hop) => plain(hop.trim()))
  let address = socket
  while (address && isTrusted(address, trustedProxies)) {
    const hop = hops.pop()
    if (!hop) break
    address = hop
  }
  return address || null
}

function isTrusted(address: string, trustedProxies: BlockList) {
  return trustedProxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Without port, brackets and zone, IPv4 in its own form; empty for what is no address. */
function plain(address: string) {
  const bare = address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  // A zone means something on the machine that wrote it only (RFC 4007, section 6), and may have any length.
  const unzoned = bare.replace(/%.*$/, '')
  const unmapped = unzoned.replace(/^::ffff:(\d+\.\d+\.\d+\.\d+)$/i, '$1')
  return isIP(unmapped) ? unmapped : ''
}
