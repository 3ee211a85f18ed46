import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { parseUrl } from './host.ts'
import { kind, refuse } from './kind.ts'

/** Options of the URL that choose how to connect. Others of nodemailer would log mails or weaken TLS. */
const OPTIONS = ['ignoreTLS', 'requireTLS', 'name', 'authMethod', 'tls.servername']

/** The URL of the mail server, for nodemailer. */
export const SmtpUrl = kind((text) => {
  const url = parseUrl(text)
  if (!url || !/^smtps?:$/.test(url.protocol)) {
    return refuse(
      'must be a URL, such as smtps://user:password@mail.example.com, with special characters as % and their code',
    )
  }
  if ((url.pathname !== '' && url.pathname !== '/') || url.hash) {
    refuse('must have no path: in a password, write / as %2F, # as %23, ? as %3F and @ as %40')
  }
  if (!isDecodable(url.username) || !isDecodable(url.password))
    refuse('has a % without a code: write it as %25')
  if (Boolean(url.username) !== Boolean(url.password))
    refuse('must have both a user and a password, or neither')
  refuseOptions(url.searchParams)
  if (url.protocol === 'smtp:' && url.port === '465')
    refuse('has the port of TLS: write smtps:// for port 465')
  if (url.protocol === 'smtps:' && /^(25|587)$/.test(url.port)) {
    refuse(`has a port that begins without TLS and then requires it: write smtp:// for port ${url.port}`)
  }
  return text
})

function refuseOptions(options: URLSearchParams) {
  if (options.has('ignoreTLS') && options.has('requireTLS'))
    refuse('must not have both ignoreTLS and requireTLS: remove one of the two')
  for (const [name, value] of options) {
    if (!OPTIONS.includes(name)) refuse(`must have no other options than ${OPTIONS.join(', ')}`)
    if (name === 'authMethod' && !/^(PLAIN|LOGIN|CRAM-MD5)$/.test(value)) {
      refuse('must have the option authMethod as PLAIN, LOGIN or CRAM-MD5, or without it')
    }
    if (/TLS$/.test(name) && value !== 'true')
      refuse(`must have the option ${name} as ${name}=true, or without it`)
  }
}

function isDecodable(text: string) {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Who mails are from. The domain of the address is punycode. */
export type Sender = { name: string; address: string }

/** The name may be a quoted string (RFC 5322, section 3.2.4). Only there it may have angle brackets. */
const NAMED = /^(?:"((?:[^"\\]|\\.)*)"|([^<>]*?))\s*<([^<>]*)>$/

/** `Name <address>` or an address. The name may have any punctuation, and is an object for that reason. */
export const MailSender = kind((text): Sender => {
  const [, quoted, plain = '', given = text] = NAMED.exec(text) ?? []
  const name = quoted?.replace(/\\(.)/g, '$1') ?? plain
  const [local, host = ''] = given.split(/@(?=[^@]*$)/)
  const address = `${local}@${domainToASCII(host)}`
  if (/\p{Cc}/u.test(text) || !z.regexes.html5Email.test(address)) {
    return refuse('must be an address, such as no-reply@example.com, or Example <no-reply@example.com>')
  }
  return { name: name.trim(), address }
})
