import type { UserDetails } from '../../contract/outputs/administration/managed-user.ts'
import { formatTime } from '../support/format-time.ts'
import { type Output, printJson } from '../support/output.ts'
import { type Environment, withCore } from '../support/with-core.ts'
import { explainAccount } from './refusal.ts'

const MAX_SHOWN_EVENTS = 10

export async function showUser(environment: Environment, email: string, { json }: Output) {
  const user = await withCore(environment, async ({ accountsByAddress, operator }) => {
    const id = await accountsByAddress.findId({ email }).catch(explainAccount(email))
    return operator.user({ id }).catch(explainAccount(email))
  })
  if (json) return printJson(user)
  for (const [name, value] of describe(user)) console.log(`${name.padEnd(13)}${value}`)
  const events = (user.events ?? []).slice(0, MAX_SHOWN_EVENTS)
  console.log(events.length > 0 ? '\nLatest events, newest first:' : '\nThere are no events.')
  for (const { lastAt, kind, ipAddress } of events) {
    console.log(`  ${formatTime(lastAt)}  ${kind.padEnd(26)}${ipAddress ?? ''}`.trimEnd())
  }
}

function describe(user: UserDetails): [string, string][] {
  const { pendingEmail, roles, factors, sessions, factorRecoveryAt } = user
  const lines: [string, string | null][] = [
    ['id', user.id],
    ['address', `${user.email} (${user.emailVerified ? 'verified' : 'not verified'})`],
    ['new address', pendingEmail && `${pendingEmail} (not confirmed yet)`],
    ['user name', user.username ?? 'none'],
    ['language', user.locale ?? 'not known'],
    ['created', formatTime(user.createdAt)],
    ['roles', roles.length === 0 ? 'none' : roles.join(', ')],
    ['disabled', user.disabledAt ? `since ${formatTime(user.disabledAt)}` : 'no'],
    ['until', user.disabledUntil && formatTime(user.disabledUntil)],
    ['factors', factors.length === 0 ? 'none' : factors.map(describeFactor).join('; ')],
    ['codes', factors.length === 0 ? null : `${user.recoveryCodes} recovery codes left`],
    ['recovery', factorRecoveryAt && `factors can be replaced from ${formatTime(factorRecoveryAt)}`],
    ['sessions', sessions.length === 0 ? 'none' : `${sessions.length} live`],
  ]
  return lines.filter((line): line is [string, string] => line[1] !== null)
}

const KINDS = { TOTP: 'authenticator app', PASSKEY: 'passkey' }

function describeFactor({ kind, createdAt, lastUsedAt }: UserDetails['factors'][number]) {
  const use = lastUsedAt ? `used ${formatTime(lastUsedAt)}` : 'never used'
  return `${KINDS[kind]} (added ${formatTime(createdAt)}, ${use})`
}
