import { createRequire } from 'node:module'
import { isLocal, isPrivate, parseUrl } from './host.ts'
import { refuse } from './kind.ts'

const require = createRequire(import.meta.url)

const SUBDOMAINS = 'https://*.'

const ADVICE = 'an https origin without a path, such as https://app.example.com, or http://localhost:3000'

/** The origin of this server, in the form in which browsers write it in `Origin`. */
export const parseOwnOrigin = (text: string) => parseWebOrigin(text) ?? refuse(`must be ${ADVICE}`)

/**
 * An origin whose pages may call the server: of the web, of an app (`capacitor://localhost`), or of all subdomains
 * (`https://*.example.com`). It is in the form in which browsers write it in `Origin`.
 */
export function parseAllowedOrigin(text: string) {
  if (text === '*') refuse('would allow every page: list the origins of your own pages')
  if (text === 'null')
    refuse('is the origin of any sandboxed page and of local files: serve the page by https')
  if (!text.includes('://'))
    refuse('must begin with https://, or with the scheme of an app, such as capacitor://')
  return parseWebOrigin(text) ?? parseSubdomains(text) ?? parseAppOrigin(text) ?? refuse(`must be ${ADVICE}`)
}

/** Whether a list has this origin, or a wildcard for it: `https://*.example.com` stands for one label. */
export const isListedOrigin = (origin: string, listed: ReadonlySet<string>) =>
  listed.has(origin) || listed.has(origin.replace(/^https:\/\/[a-z\d_-]+\./, SUBDOMAINS))

/** `https://app.example.com`, for `https://APP.example.com:443/` too. Undefined for any other text. */
function parseWebOrigin(text: string) {
  const url = parseUrl(text)
  // Browsers take a name with a dot at its end for another origin.
  if (!url || !isWebUrl(url) || url.hostname.endsWith('.') || /[?#]/.test(text)) return undefined
  // Credentials or a path would be no part of the origin.
  return url.href === `${url.origin}/` ? url.origin : undefined
}

/** Whether the URL is https, or http in a network of a developer. Production then accepts http for this machine only. */
export const isWebUrl = ({ protocol, hostname }: URL) =>
  protocol === 'https:' || (protocol === 'http:' && (isLocal(hostname) || isPrivate(hostname)))

function parseSubdomains(text: string) {
  if (!text.includes('*')) return undefined
  const parent = text.startsWith(SUBDOMAINS) && parseWebOrigin(`https://${text.slice(SUBDOMAINS.length)}`)
  if (!parent) return refuse('may have a * only as the first label of an https origin: https://*.example.com')
  if (isOpenToAll(new URL(parent).hostname)) {
    refuse('would allow pages of other people: a * may only stand under a domain that is yours alone')
  }
  return parent.replace('https://', SUBDOMAINS)
}

/** Whether people who do not know each other have names under this one: `com`, `co.uk`, `vercel.app`, `github.io`. */
export function isOpenToAll(hostname: string) {
  // Loaded only for a list with a *, because it holds the list of all such names.
  const { getDomain } = require('tldts') as typeof import('tldts')
  return getDomain(hostname, { allowPrivateDomains: true }) === null
}

/** The origin of pages inside an app or a browser extension: a scheme of its own and a host. */
function parseAppOrigin(text: string) {
  const [, scheme = '', host] = /^([a-z][a-z\d+.-]*):\/\/([a-z\d._-]+)\/?$/.exec(text.toLowerCase()) ?? []
  // Misspellings of https would be taken for schemes of apps. A page of a file has the origin "null".
  if (!host || /^[htps]+$/.test(scheme) || /^(wss?|ftp|file|data|blob|about|javascript)$/.test(scheme))
    return undefined
  return `${scheme}://${host}`
}
