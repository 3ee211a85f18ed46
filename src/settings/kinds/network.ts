import ipaddr from 'ipaddr.js'
import { isAddress } from './host.ts'
import { refuse } from './kind.ts'

/** A network as an address and the length of its prefix. */
export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** The shortest prefixes that private networks have: 10.0.0.0/8 and fc00::/7. */
const MIN_PREFIX = { ipv4: 8, ipv6: 7 }

/** An address, or a CIDR block that is written as one: `10.0.0/8` and `10.0.0.0/` are neither. */
export function parseNetwork(text: string): Network {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  if (!isAddress(address) || /^[0:.]+$/.test(text))
    refuse('must be an IP address, such as 10.0.1.7, or a CIDR block, such as 10.0.2.0/28')
  const given = ipaddr.parse(address)
  const bits = given.kind() === 'ipv4' ? 32 : 128
  const prefix = Number(length ?? bits)
  if (prefix > bits) refuse(`must have at most ${bits} after the slash`)
  const mapped = given instanceof ipaddr.IPv6 && given.isIPv4MappedAddress() && prefix >= 96
  // Clients with an IPv4-mapped address are compared as IPv4, so the network must be IPv4 too.
  const network: Network = mapped ? [given.toIPv4Address(), prefix - 96] : [given, prefix]
  if (network[1] < MIN_PREFIX[network[0].kind()]) {
    refuse(
      'is too wide, so any client could forge its address: list the addresses of your proxies, such as 10.0.1.7',
    )
  }
  if (!isFirstAddress(network)) {
    refuse(
      'has bits after its prefix: write the first address of the block, or the address of one proxy alone',
    )
  }
  return network
}

const isFirstAddress = ([address, prefix]: Network) =>
  address
    .toByteArray()
    .every((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, prefix - 8 * index)))) === 0)

/** The only part of IPv6 that the internet uses (RFC 4291, section 2.4). An IPv4 address can be in `::/96` too. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Within the internet, everything else has a range of its own, also an IPv4 address inside an IPv6 one. */
const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6) =>
  address.range() === 'unicast' && (address instanceof ipaddr.IPv4 || address.match(GLOBAL_IPV6))

/** Whether one of the networks has the address. */
export const isIn = (networks: readonly Network[], address: ipaddr.IPv4 | ipaddr.IPv6) =>
  networks.some(([network, prefix]) => address.kind() === network.kind() && address.match(network, prefix))

/** Whether an address is in the internet, or in one of the networks. */
export function isPublicOrIn(networks: readonly Network[], text: string) {
  const address = ipaddr.process(text)
  return isPublic(address) || isIn(networks, address)
}
