import { parseUrl } from './host.ts'
import { kind, refuse } from './kind.ts'
import { isWebUrl } from './origin.ts'

/** The base of mailed links, without the slash at its end. */
export const AppUrl = kind((text) => {
  const url = parseUrl(text)
  if (url && isWebUrl(url) && !url.username && !url.password && !/[?#*]/.test(text)) {
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  }
  return refuse(
    'must be an https URL without ? and #, such as https://app.example.com/account, or http://localhost:3000',
  )
})

/** Where OpenTelemetry's spans are sent, by its protocol over HTTP. */
export const TracesUrl = kind(parseCollector)

/** The same, without the path of the spans. */
export const CollectorUrl = kind((text) => {
  if (/\/v1\/traces\/?$/.test(text)) refuse('must be without /v1/traces, which is appended to it')
  return parseCollector(text)
})

function parseCollector(text: string) {
  const url = parseUrl(text)
  if (!url || !/^https?:$/.test(url.protocol))
    refuse('must be an http or https URL, such as http://localhost:4318')
  if (url.port === '4317') refuse('has the port of gRPC: traces go over HTTP, by default to port 4318')
  return text
}
