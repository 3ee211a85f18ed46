import { MAX_ROLES } from '../../auth/administration/roles/user-roles.ts'
import type { AuthCore } from '../../auth/core.ts'
import { ADMIN_ROLE } from '../../contract/permissions.ts'
import { formatTime } from '../support/format-time.ts'
import { type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'
import { explainAccount } from './refusal.ts'

type Accounts = AuthCore['accountsByAddress']

const ACCESS_TOKENS_ELSEWHERE =
  'This server refuses its access tokens now. Services that verify access tokens themselves accept them until they expire.'

/** Changes the account with this address. Refusals become sentences. */
const change = <T>(environment: Environment, email: string, work: (accounts: Accounts) => Promise<T>) =>
  withCore(environment, ({ accountsByAddress }) => work(accountsByAddress).catch(explainAccount(email)))

export async function disableUser(
  environment: Environment,
  email: string,
  { until, json }: Output & { until?: string },
) {
  const { user, result: ended } = await change(environment, email, (accounts) =>
    until ? accounts.suspendUser({ email }, until).catch(explainTime) : accounts.disableUser({ email }),
  )
  if (json) return printJson(user)
  if (ended === null) return console.log(`${email} was disabled already.`)
  const end = user.disabledUntil ? ` until ${formatTime(user.disabledUntil)}` : ''
  console.log(`${email} is disabled${end}, ${formatSessions(ended)} ended. ${ACCESS_TOKENS_ELSEWHERE}`)
}

export async function enableUser(environment: Environment, email: string, { json }: Output) {
  const { user, result } = await change(environment, email, (accounts) => accounts.enableUser({ email }))
  if (json) return printJson(user)
  console.log(result ? `${email} is enabled and can sign in again.` : `${email} was not disabled.`)
}

export async function signOutUser(environment: Environment, email: string, { json }: Output) {
  const { result: revoked } = await change(environment, email, (accounts) => accounts.signOutUser({ email }))
  if (json) return printJson({ revoked })
  console.log(`${email} is signed out, ${formatSessions(revoked)} ended. ${ACCESS_TOKENS_ELSEWHERE}`)
}

export async function changeAddress(environment: Environment, email: string, to: string, { json }: Output) {
  const { user } = await change(environment, email, (accounts) =>
    accounts.startEmailChange({ email }, to).catch(explainAddress),
  )
  if (json) return printJson(user)
  if (!user.pendingEmail && user.email === email) return console.log(`${email} keeps this address.`)
  console.log(`${to} gets a link that makes it the address of this account.`)
}

export async function deleteUser(environment: Environment, email: string, { json }: Output) {
  const { user } = await change(environment, email, (accounts) => accounts.deleteUser({ email }))
  if (json) return printJson({ id: user.id, email })
  console.log(`${email} is deleted, with everything that belongs to the account. Its events are kept.`)
}

export async function recoverFactor(environment: Environment, email: string, { json }: Output) {
  const { result: endsAt } = await change(environment, email, (accounts) => accounts.recoverFactor({ email }))
  if (json) return printJson({ endsAt })
  if (!endsAt) return console.log(`${email} has no second factor.`)
  console.log(
    `${email} gets a notice now, and a link at ${formatTime(endsAt)}. With the password, the link signs in and removes the` +
      ' second factors. A sign-in with a factor stops this.',
  )
}

export async function removeFactors(environment: Environment, email: string, { json }: Output) {
  const { user, result } = await change(environment, email, (accounts) =>
    accounts.removeFactors({ email }).catch(explainRefusal()),
  )
  if (json) return printJson(user)
  console.log(
    result
      ? `${email} has no second factor now, and its password is locked. Enable the account, and let its owner reset the password.`
      : `${email} has no second factor.`,
  )
}

export async function grantRole(environment: Environment, email: string, role: string, { json }: Output) {
  const { user, result } = await change(environment, email, (accounts) =>
    accounts.grantRole({ email }, role).catch(explainRole(role)),
  )
  if (json) return printJson(user)
  console.log(result ? `${email} has the role ${role} now.` : `${email} has the role ${role} already.`)
  if (result && role === ADMIN_ROLE) {
    console.log('To administer, the user also needs a second factor, proven within the last 15 minutes.')
  }
}

export async function revokeRole(environment: Environment, email: string, role: string, { json }: Output) {
  const { user, result } = await change(environment, email, (accounts) =>
    accounts.revokeRole({ email }, role),
  )
  if (json) return printJson(user)
  console.log(
    result ? `${email} no longer has the role ${role}.` : `${email} does not have the role ${role}.`,
  )
}

const explainAddress = explainRefusal({ EMAIL_TAKEN: 'An account with the new address exists already.' })

const explainTime = explainRefusal({ INVALID_INPUT: 'The time must be in the future.' })

const explainRole = (role: string) =>
  explainRefusal({ INVALID_INPUT: `There is no role ${role}, or the user has ${MAX_ROLES} roles already.` })

const formatSessions = (count: number) => `${count} session${count === 1 ? '' : 's'}`
