import { userInfo } from 'node:os'
import { type Host, isSocket, readHosts } from './hosts.ts'
import { readOptions } from './options.ts'
import type { Parameters, Refuse } from './parameters.ts'
import { readPasswords } from './password-file.ts'
import { readTls, type Tls } from './tls.ts'

/** The meaning of a connection string. */
export type Target = {
  /** In the order in which they are tried. */
  hosts: Host[]
  isShuffled: boolean
  /** Which servers are used. */
  wants: 'any' | 'read-write' | 'primary'
  user: string
  password: string
  database: string
  applicationName: string | undefined
  connectSeconds: number | undefined
  /** False for no keepalives, undefined for the default of the driver. */
  keepAliveSeconds: number | false | undefined
  /** The part of `options` that is no setting, such as the name of an endpoint. */
  startupOptions: string | undefined
  /** Settings of the session that the operator asks for. */
  settings: Record<string, string>
  searchPath: string | undefined
  /** Undefined for no TLS. A connection by a socket in a folder is never encrypted. */
  tls: Tls | undefined
  /** The numbers of the authentication requests that may be answered; undefined for all. */
  authentication: number[] | undefined
  bindsChannel: boolean
}

const MIN_CONNECT_SECONDS = 2

/** The values of `target_session_attrs`. The server writes, so a standby is useless. */
const SESSION_KINDS = ['any', 'read-write', 'primary', 'read-only', 'standby', 'prefer-standby'] as const

export function interpret(given: Parameters, refuse: Refuse): Target {
  const text = (name: string) => given.get(name)?.value
  /** One of these words. The first is the default. */
  const oneOf = <Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word => {
    const value = text(name)
    const word = words.find((each) => each === value)
    if (value !== undefined && !word) refuse(name, `must be one of ${words.join(', ')}`)
    return word ?? words[0]
  }
  const wholeNumber = (name: string) => {
    const value = text(name)
    if (value === undefined) return undefined
    return /^-?\d{1,9}$/.test(value.trim()) ? Number(value) : refuse(name, 'must be a whole number')
  }

  const hosts = readHosts(text, refuse)
  const user = text('user') ?? getSystemUser() ?? ''
  if (user === '') refuse('user', 'is missing')
  const database = text('dbname') ?? user
  const seconds = wholeNumber('connect_timeout') ?? 0
  const keepAlive = wholeNumber('keepalives_idle')
  const { settings, searchPath, rest } = readOptions(text('options') ?? '', refuse)
  const kind = oneOf('target_session_attrs', SESSION_KINDS)
  if (kind === 'read-only' || kind === 'standby' || kind === 'prefer-standby') {
    refuse('target_session_attrs', 'must be read-write or primary, because Servauth writes')
  }
  const login = { hosts, database, user }
  const tls = hosts.every(isSocket) ? undefined : readTls(text, oneOf, refuse)
  const bindsChannel = oneOf('channel_binding', ['prefer', 'disable', 'require']) === 'require'
  if (bindsChannel && !tls) {
    refuse('channel_binding', 'require needs TLS: with sslmode=disable or a socket in a folder there is none')
  }
  return {
    hosts,
    isShuffled: oneOf('load_balance_hosts', ['disable', 'random']) === 'random',
    // Of several hosts, only one that accepts writes is useful.
    wants: kind === 'primary' ? kind : kind === 'any' && hosts.length === 1 ? 'any' : 'read-write',
    user,
    password: text('password') ?? findPassword(login, text('passfile'), refuse),
    database,
    applicationName: text('application_name'),
    connectSeconds: seconds > 0 ? Math.max(MIN_CONNECT_SECONDS, seconds) : undefined,
    keepAliveSeconds: wholeNumber('keepalives') === 0 ? false : keepAlive || undefined,
    startupOptions: rest,
    settings,
    searchPath: text('search_path') ?? searchPath,
    tls,
    authentication: readAuthentication(text('require_auth'), refuse),
    bindsChannel,
  }
}

function getSystemUser() {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

function findPassword(
  login: { hosts: Host[]; database: string; user: string },
  file: string | undefined,
  refuse: Refuse,
) {
  const { passwords, fault } = readPasswords(file, login)
  if (fault) refuse('passfile', fault)
  const [password = '', ...others] = passwords
  if (others.length > 0) {
    refuse('password', 'is missing, and the password file has a different one for each host')
  }
  return password
}

/** The values of `require_auth` that the driver supports, with the number of the server's authentication request. */
const METHODS: Record<string, number> = { none: 0, password: 3, md5: 5, 'scram-sha-256': 10 }
const UNSUPPORTED_METHODS = ['gss', 'sspi', 'oauth']

function readAuthentication(list: string | undefined, refuse: Refuse) {
  if (list === undefined) return undefined
  const words = list.split(',').map((word) => word.trim())
  const names = words.map((word) => word.replace(/^!/, ''))
  const isNegated = words.every((word) => word.startsWith('!'))
  const isMixed = !isNegated && words.some((word) => word.startsWith('!'))
  const isKnown = (name: string) => Object.hasOwn(METHODS, name) || UNSUPPORTED_METHODS.includes(name)
  if (isMixed || !names.every(isKnown)) {
    return refuse('require_auth', 'must be none, password, md5 or scram-sha-256, with commas between several')
  }
  const allowed = Object.entries(METHODS).filter(([name]) => names.includes(name) !== isNegated)
  if (allowed.length === 0) {
    return refuse(
      'require_auth',
      `must allow one of ${Object.keys(METHODS).join(', ')}: others are not supported`,
    )
  }
  return allowed.map(([, number]) => number)
}
