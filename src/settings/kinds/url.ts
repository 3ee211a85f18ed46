import { kind, refuse } from './kind.ts'
import { isWebUrl } from './origin.ts'

/** The base of mailed links, without the slash at its end. */
export const AppUrl = kind((text) => {
  const url = URL.parse(text)
  if (url && isWebUrl(url) && !url.username && !url.password && !/[?#*]/.test(text)) {
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  }
  return refuse(
    'must be an https URL without ? and #, such as https://app.example.com/account, or http://localhost:3000',
  )
})

/** Where OpenTelemetry's spans are sent, by its protocol over HTTP. */
export const Collector = kind((text) => {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    refuse('must be an http or https URL, such as http://localhost:4318')
  if (url.port === '4317') refuse('has the port of gRPC: traces go over HTTP, by default to port 4318')
  return text
})
