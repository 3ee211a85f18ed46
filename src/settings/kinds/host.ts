import ipaddr from 'ipaddr.js'
import { kind, refuse } from './kind.ts'

/** Whether the host of a URL is this machine. Only there, http and mail without TLS are accepted. */
export const isLocal = (hostname: string) =>
  /^(.+\.)?localhost$/.test(hostname) || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)

/** The host of a URL as it is elsewhere: only a URL needs brackets around an IPv6 address. */
export const withoutBrackets = (hostname: string) => hostname.replace(/^\[(.*)\]$/, '$1')

/** An address of a network that is not the internet, such as 192.168.1.7 or fd00::7. `hostname` is that of a URL. */
export function isPrivate(hostname: string) {
  const address = withoutBrackets(hostname)
  return isAddress(address) && ['private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.parse(address).range())
}

/** Four decimal parts, or IPv6. The library alone would also take `10.1` and `0x0a.1` for addresses. */
export const isAddress = (text: string) =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)

/** `_` stands in names of Docker's networks. */
const LABEL = /^(?!-)[a-z\d_-]{1,63}(?<!-)$/i
const MAX_NAME_LENGTH = 253

/** Whether a host can exist: an address, or a name of DNS, which may end in a dot. `hostname` is that of a URL. */
function canExist(hostname: string) {
  if (isAddress(withoutBrackets(hostname))) return true
  const name = hostname.replace(/\.$/, '')
  return name.length <= MAX_NAME_LENGTH && name.split('.').every((label) => LABEL.test(label))
}

/**
 * Reads the URL of a host. Unlike `URL` alone, it repairs nothing: `https:/host`, `https://host"`, port 0, and `010.0.0.1`,
 * which `URL` takes for 8.0.0.1, are no such URLs.
 */
export function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (!url || !/^[a-z]+:\/\/[^/\\]/i.test(text) || url.port === '0' || !canExist(url.hostname))
    return undefined
  return ipaddr.IPv4.isValid(url.hostname) && !text.includes(url.hostname) ? undefined : url
}

/** The address to listen on. */
export const ListenHost = kind((text) => {
  const host = withoutBrackets(text)
  if (host === 'localhost' || isAddress(host)) return host
  return refuse('must be an IP address of this machine, such as 127.0.0.1, or localhost')
})
