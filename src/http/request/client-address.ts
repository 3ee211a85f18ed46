import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { isIn, type Network } from '../../settings/kinds/network.ts'
import type { RequestContext } from '../context.ts'
import { stripBlanks } from './header-text.ts'

/**
 * The client's address. This is the address of the socket, unless that is a trusted proxy. Then it is the right-most
 * address of `X-Forwarded-For` that is no trusted proxy: a client can write everything to the left of it.
 */
export function clientAddress(c: RequestContext, trustedProxies: Network[]): string | null {
  let address = parse(c.addressOf(c.request) ?? '')
  const hops = (c.header('x-forwarded-for') ?? '').split(',')
  while (address && isIn(trustedProxies, address)) {
    const hop = parse(stripBlanks(hops.pop() ?? ''))
    if (!hop) {
      c.probableProxy = 'LISTED'
      break
    }
    address = hop
  }
  const isForwarded = c.header('x-forwarded-for') !== undefined
  // An address that is not of the internet is rather that of a proxy than that of a client.
  if (isForwarded && address && address.range() !== 'unicast') c.probableProxy = 'UNLISTED'
  return address?.toString() ?? null
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Requests come from few addresses, and parsing one is a tenth of the work for a refused request. */
const known = new LRUCache<string, Address>({ max: 1000 })
const MAX_KNOWN_CHARACTERS = 64

function parse(text: string): Address | null {
  const before = known.get(text)
  if (before) return before
  const address = parseAddress(text)
  if (address && text.length <= MAX_KNOWN_CHARACTERS) known.set(text, address)
  return address
}

/** Without port, brackets and zone (RFC 4007, section 6); an IPv4-mapped address as IPv4; null for no address. */
function parseAddress(text: string): Address | null {
  const bare = text.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  const unzoned = bare.replace(/%.*$/, '')
  return isIP(unzoned) ? ipaddr.process(unzoned) : null
}
