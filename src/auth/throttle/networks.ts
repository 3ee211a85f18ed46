import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'

/** Each request needs the network of its client several times, and to parse an address takes longer than to hash a token. */
const networks = new LRUCache<string, string>({ max: 1000 })

/** The key by which clients are counted: an IPv4 address, or the first address of an IPv6 /64. */
export function toNetwork(ipAddress: string | null) {
  if (ipAddress === null) return 'unknown'
  const known = networks.get(ipAddress)
  if (known !== undefined) return known
  const network = parseNetwork(ipAddress)
  networks.set(ipAddress, network)
  return network
}

const TRANSLATED = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

function parseNetwork(ipAddress: string) {
  const address = ipaddr.process(ipAddress)
  if (address.kind() === 'ipv4') return address.toString()
  const { parts } = address as ipaddr.IPv6
  // A translator shows every IPv4 client in one /64 (RFC 6052, section 2.1).
  if (address.match(TRANSLATED)) return new ipaddr.IPv4(address.toByteArray().slice(-4)).toString()
  return new ipaddr.IPv6([...parts.slice(0, 4), 0, 0, 0, 0]).toString()
}
