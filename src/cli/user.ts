import { MAX_ROLES } from '../auth/administration/user-roles.ts'
import { ADMIN_ROLE } from '../contract/permissions.ts'
import { AuthError } from '../errors.ts'
import { CommandError } from './support/command-error.ts'
import { formatTime } from './support/format-time.ts'
import { type Environment, withService } from './support/with-service.ts'

const ACCESS_TOKENS_ELSEWHERE =
  'This server refuses its access tokens now. Services that verify access tokens themselves accept them until they expire.'

export async function showUser(environment: Environment, address: string) {
  const { user, sessions, factors, recoveryCodes, events } = await withService(
    environment,
    ({ administration }) => administration.showUser({ email: address }).catch(throwIfNotFound(address)),
  )
  const lines: [string, string][] = [
    ['id', user.id],
    ['address', `${user.email} (${user.emailVerified ? 'verified' : 'not verified'})`],
    ...(user.pendingEmail
      ? [['new address', `${user.pendingEmail} (not confirmed yet)`] as [string, string]]
      : []),
    ['user name', user.username ?? 'none'],
    ['language', user.locale ?? 'not known'],
    ['created', formatTime(user.createdAt)],
    ['roles', user.roles.length === 0 ? 'none' : user.roles.join(', ')],
    ['disabled', user.disabledAt ? `since ${formatTime(user.disabledAt)}` : 'no'],
    ['factors', factors.length === 0 ? 'none' : factors.map(describeFactor).join('; ')],
    ...(factors.length > 0 ? [['codes', `${recoveryCodes} recovery codes left`] as [string, string]] : []),
    ...(user.factorRecoveryAt
      ? [
          ['recovery', `factors can be replaced from ${formatTime(user.factorRecoveryAt)}`] as [
            string,
            string,
          ],
        ]
      : []),
    ['sessions', sessions === 0 ? 'none' : `${sessions} live`],
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(13)}${value}`)
  console.log(events.length > 0 ? '\nLatest events, newest first:' : '\nThere are no events.')
  for (const { lastAt, kind, ipAddress } of events) {
    console.log(`  ${formatTime(lastAt)}  ${kind.padEnd(26)}${ipAddress ?? ''}`.trimEnd())
  }
}

export async function disableUser(environment: Environment, address: string) {
  const ended = await withService(environment, ({ administration }) =>
    administration.disableUser({ email: address }).catch(throwIfNotFound(address)).catch(throwIfRefused('')),
  )
  if (ended === null) return console.log(`${address} was disabled already.`)
  console.log(`${address} is disabled, ${formatSessions(ended)} ended. ${ACCESS_TOKENS_ELSEWHERE}`)
}

export async function enableUser(environment: Environment, address: string) {
  const changed = await withService(environment, ({ administration }) =>
    administration.enableUser({ email: address }).catch(throwIfNotFound(address)),
  )
  console.log(changed ? `${address} is enabled and can sign in again.` : `${address} was not disabled.`)
}

export async function signOutUser(environment: Environment, address: string) {
  const ended = await withService(environment, ({ administration }) =>
    administration.signOutUser({ email: address }).catch(throwIfNotFound(address)),
  )
  console.log(`${address} is signed out, ${formatSessions(ended)} ended. ${ACCESS_TOKENS_ELSEWHERE}`)
}

export async function recoverFactor(environment: Environment, address: string) {
  const endsAt = await withService(environment, ({ administration }) =>
    administration.recoverFactor({ email: address }).catch(throwIfNotFound(address)).catch(throwIfNoMail),
  )
  if (!endsAt) return console.log(`${address} has no second factor.`)
  console.log(
    `${address} gets a notice now, and a link at ${formatTime(endsAt)}. With the password, the link signs in and removes the` +
      ' second factors. A sign-in with a factor stops this.',
  )
}

export async function grantRole(environment: Environment, address: string, role: string) {
  const given = await withService(environment, ({ administration }) =>
    administration
      .grantRole({ email: address }, role)
      .catch(throwIfNotFound(address))
      .catch(throwIfRefused(role)),
  )
  console.log(given ? `${address} has the role ${role} now.` : `${address} has the role ${role} already.`)
  if (given && role === ADMIN_ROLE) {
    console.log('To administer, the user also needs a second factor, proven within the last 15 minutes.')
  }
}

export async function revokeRole(environment: Environment, address: string, role: string) {
  const taken = await withService(environment, ({ administration }) =>
    administration
      .revokeRole({ email: address }, role)
      .catch(throwIfNotFound(address))
      .catch(throwIfRefused(role)),
  )
  console.log(
    taken ? `${address} no longer has the role ${role}.` : `${address} does not have the role ${role}.`,
  )
}

function throwIfRefused(role: string) {
  return (error: unknown): never => {
    const code = error instanceof AuthError ? error.code : undefined
    if (code === 'INVALID_INPUT') {
      throw new CommandError(`There is no role ${role}, or the user has ${MAX_ROLES} roles already.`, {
        cause: error,
      })
    }
    throw code === 'FORBIDDEN' ? new CommandError((error as AuthError).message, { cause: error }) : error
  }
}

const KINDS = { TOTP: 'authenticator app', PASSKEY: 'passkey' }

function describeFactor({ kind, createdAt, lastUsedAt }: Factor) {
  const use = lastUsedAt ? `used ${formatTime(lastUsedAt)}` : 'never used'
  return `${KINDS[kind]} (added ${formatTime(createdAt)}, ${use})`
}

type Factor = { kind: keyof typeof KINDS; createdAt: Date; lastUsedAt: Date | null }

function throwIfNoMail(error: unknown): never {
  const isMissing = error instanceof AuthError && error.code === 'SERVICE_UNAVAILABLE' && !error.cause
  throw isMissing
    ? new CommandError('A mail server in SMTP_URL is needed: the user must get a notice.', { cause: error })
    : error
}

function throwIfNotFound(address: string) {
  return (error: unknown): never => {
    const isMissing = error instanceof AuthError && error.code === 'NOT_FOUND'
    throw isMissing
      ? new CommandError(`There is no account with the address ${address}.`, { cause: error })
      : error
  }
}

const formatSessions = (count: number) => `${count} session${count === 1 ? '' : 's'}`
