import { existsSync, readFileSync } from 'node:fs'
import { createSecureContext, getCACertificates, rootCertificates, type SecureVersion } from 'node:tls'
import { getHomePath } from './home.ts'
import type { Refuse } from './parameters.ts'

/** How a connection is encrypted, and how the server's certificate is checked. */
export type Tls = {
  /** Whether a server without TLS is refused. */
  isRequired: boolean
  checks: 'nothing' | 'authority' | 'name'
  /** Starts with TLS instead of asking the server first (`sslnegotiation=direct`). */
  isDirect: boolean
  sendsName: boolean
  minVersion: SecureVersion
  maxVersion: SecureVersion | undefined
} & Files

type Files = {
  ca: string | string[] | undefined
  cert: string | undefined
  key: string | undefined
  passphrase: string | undefined
}

type Text = (name: string) => string | undefined
type OneOf = <Word extends string>(name: string, words: readonly [Word, ...Word[]]) => Word

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const VERSIONS = ['TLSv1.2', 'TLSv1', 'TLSv1.1', 'TLSv1.3'] as const

/** What the `ssl…` parameters mean. @returns undefined for a connection without TLS */
export function readTls(text: Text, oneOf: OneOf, refuse: Refuse): Tls | undefined {
  const isSystem = text('sslrootcert') === 'system'
  const mode = text('sslmode') ?? (isSystem ? 'verify-full' : 'prefer')
  const minVersion = oneOf('ssl_min_protocol_version', VERSIONS)
  const hasMax = text('ssl_max_protocol_version') !== undefined
  const maxVersion = hasMax ? oneOf('ssl_max_protocol_version', VERSIONS) : undefined
  if (maxVersion && maxVersion < minVersion) {
    refuse('ssl_max_protocol_version', `must not be below ssl_min_protocol_version, which is ${minVersion}`)
  }
  const isDirect = oneOf('sslnegotiation', ['postgres', 'direct']) === 'direct'
  const sendsName = oneOf('sslsni', ['1', '0']) === '1'
  if (!MODES.includes(mode)) return refuse('sslmode', `must be one of ${MODES.join(', ')}`)
  if (mode === 'disable') return undefined
  if (isSystem && mode !== 'verify-full') {
    return refuse('sslmode', 'must be verify-full with sslrootcert=system, which trusts any public site')
  }
  const isRequired = !['allow', 'prefer'].includes(mode)
  if (isDirect && !isRequired)
    refuse('sslnegotiation', 'direct needs sslmode=require, verify-ca or verify-full')
  const files = readFiles(text, isRequired, refuse)
  if (mode === 'verify-ca' && !files.ca) {
    refuse('sslmode', 'verify-ca needs sslrootcert=file; for public authorities, use verify-full')
  }
  // Like libpq, `require` checks the authority if one is named.
  const checksAuthority = mode === 'verify-ca' || (mode === 'require' && files.ca !== undefined)
  const checks = mode === 'verify-full' ? 'name' : checksAuthority ? 'authority' : 'nothing'
  return { ...files, isRequired, checks, isDirect, sendsName, minVersion, maxVersion }
}

/** Reads the files that are named, and the default files if they exist. */
function readFiles(text: Text, isRequired: boolean, refuse: Refuse): Files {
  const read = (parameter: string, defaultName: string) => {
    const named = text(parameter)
    const path = named ?? getHomePath('.postgresql', defaultName)
    if (path === undefined || (named === undefined && !existsSync(path))) return undefined
    try {
      const content = readFileSync(path, 'utf8')
      return content.trim() === '' ? refuse(parameter, 'is an empty file') : content
    } catch (fault) {
      const { code } = fault as NodeJS.ErrnoException
      return named === undefined ? undefined : refuse(parameter, `is a file that cannot be read (${code})`)
    }
  }
  const readAuthorities = () => {
    if (text('sslrootcert') === 'system') return getPublicAuthorities()
    // Otherwise nothing is checked, so no file is needed.
    return isRequired ? read('sslrootcert', 'root.crt') : undefined
  }
  const files = {
    ca: readAuthorities(),
    cert: read('sslcert', 'postgresql.crt'),
    key: read('sslkey', 'postgresql.key'),
    passphrase: text('sslpassword'),
  }
  if (files.cert && !files.key) refuse('sslkey', 'is missing: sslcert needs it')
  check('sslrootcert', { ca: files.ca }, refuse)
  const { cert, key, passphrase } = files
  if (cert && key) check('sslcert', { cert, key, passphrase }, refuse)
  return files
}

/** The public authorities of the runtime and of this machine. */
export const getPublicAuthorities = () => [...new Set([...rootCertificates, ...getCACertificates('system')])]

function check(parameter: string, options: Partial<Files>, refuse: Refuse) {
  try {
    createSecureContext(options)
  } catch {
    refuse(parameter, 'is a file without a PEM certificate, or its key or password does not fit')
  }
}
