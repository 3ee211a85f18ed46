import ipaddr from 'ipaddr.js'
import { kind, refuse } from './kind.ts'

/** Whether the host of a URL is this machine. Only there, http and mail without TLS are accepted. */
export const isLocal = (hostname: string) =>
  /^(.+\.)?localhost$/.test(hostname) || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)

/** An address of a network that is not the internet, such as 192.168.1.7 or fd00::7. `hostname` is that of a URL. */
export function isPrivate(hostname: string) {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return isAddress(address) && ['private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.parse(address).range())
}

/** Four decimal parts, or IPv6. The library alone would also take `10.1` and `0x0a.1` for addresses. */
export const isAddress = (text: string) =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)

/** The address to listen on: without brackets, which only a URL needs. */
export const ListenHost = kind((text) => {
  const host = text.replace(/^\[(.*)\]$/, '$1')
  if (host === 'localhost' || isAddress(host)) return host
  return refuse(
    'must be an IP address of this machine, such as 127.0.0.1, or localhost; without it, all of them',
  )
})
