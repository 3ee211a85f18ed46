import type { Parameters } from './parameters.ts'

const ENCODED = '@ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25'

/**
 * Reads `postgres://user:password@host:port,…/database?name=value&…` by the rules of libpq (fe-connect.c). The parsers
 * on npm follow the rules of the web: one host, `+` for a space, and no folder as the host.
 * @param fail gets the reason if the URL cannot be read, without a part of it
 */
export function readUrl(text: string, fail: (reason: string) => void): Parameters {
  const given: Parameters = new Map()
  const set = (name: string, value: string) => {
    if (value !== '') given.set(name, { value: decodeURIComponent(value) })
  }
  const reason = findMistake(text)
  if (reason) {
    fail(reason)
    return given
  }
  const { authority, path, query } = split(text)
  const at = authority.lastIndexOf('@')
  const [user = '', ...password] = authority.slice(0, Math.max(at, 0)).split(':')
  const hosts = splitHosts(authority.slice(at + 1))
  if (!hosts) {
    fail('has no valid host: write name, name:port, or [address]:port for IPv6, with commas between several')
    return given
  }
  set('user', user)
  set('password', password.join(':'))
  set('host', hosts.every(([name]) => name === '') ? '' : hosts.map(([name]) => name).join(','))
  set('port', hosts.every(([, port]) => port === '') ? '' : hosts.map(([, port]) => port).join(','))
  set('dbname', path.slice(1))
  for (const pair of query.slice(1).split('&').filter(Boolean)) {
    const equals = pair.indexOf('=')
    if (equals < 0) fail('has a parameter without a value after the ?: write name=value, with & between them')
    const [name, value] = renamed(decodeURIComponent(pair.slice(0, equals)), pair.slice(equals + 1))
    set(name, value)
  }
  return given
}

/** JDBC and some drivers write `ssl=true` or `ssl=1`. */
function renamed(name: string, value: string): [string, string] {
  if (name !== 'ssl') return [name, value]
  return ['sslmode', /^(true|1)$/.test(value) ? 'require' : /^(false|0)$/.test(value) ? 'disable' : value]
}

function split(text: string) {
  const rest = text.slice(text.indexOf('://') + 3)
  const [, authority = '', path = '', query = ''] = /^([^/?]*)(\/[^?]*)?(\?.*)?$/s.exec(rest) ?? []
  return { authority, path, query }
}

/** The fault of the text as a whole. */
function findMistake(text: string) {
  const raw = (character: string) =>
    `the user or the password contains a raw ${character}; special characters must be %-encoded there: ${ENCODED}`
  if (/^(["']).*\1$/s.test(text)) return 'is in quotes: remove them'
  if (!/^postgres(ql)?:\/\//.test(text))
    return 'must be a URL, such as postgres://user:password@db.example.com/servauth'
  if (/\p{Cc}/u.test(text)) return 'contains a line break or another control character'
  if (/%00/.test(text)) return 'must not contain %00'
  if (/%(?![0-9a-f]{2})/i.test(text)) return raw('%')
  if (text.includes('#')) return raw('#')
  if (!isUtf8(text)) return 'contains %-codes that are not UTF-8'
  const { authority, path, query } = split(text)
  if (authority.split('@').length > 2) return raw('@')
  if (path.includes('@')) return raw('/')
  // Then the text in the place of the port is the beginning of a password.
  const isCutShort = /^[^@[]*:(?!\d*(,|$))/.test(authority) && !authority.includes('@')
  if (path === '' && query.includes('@') && (isCutShort || !/^\?[^@]*=/.test(query))) return raw('?')
  return undefined
}

function isUtf8(encoded: string) {
  try {
    decodeURIComponent(encoded)
    return true
  } catch {
    return false
  }
}

/** Pairs of name and port, or undefined if one is invalid. */
function splitHosts(text: string): [string, string][] | undefined {
  const hosts = text.split(',').map((each) => /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(.*))?$/.exec(each))
  const pairs = hosts.map((found): [string, string] => [found?.[1] ?? found?.[2] ?? '', found?.[3] ?? ''])
  return hosts.includes(null) || pairs.some(([, port]) => port.includes(':')) ? undefined : pairs
}
