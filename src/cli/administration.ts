import type { ManagedUser } from '../contract/outputs/managed-user.ts'
import { AuthError } from '../errors.ts'
import { CommandError } from './support/command-error.ts'
import { formatTime } from './support/format-time.ts'
import { collectPages, printJson } from './support/output.ts'
import { type Environment, withService } from './support/with-service.ts'

/** What every command takes: with `json`, the result is printed as JSON, and nothing else. */
type Output = { json?: true }
type ListOptions = Output & { search?: string; role?: string; disabled?: true; limit: number }
type NewUserOptions = Output & { role: string[]; username?: string }
type MailOptions = Output & { failed?: true; limit: number }

export async function listUsers(
  environment: Environment,
  { search, role, disabled, limit, json }: ListOptions,
) {
  const users = await withService(environment, async ({ operator }) =>
    collectPages(limit, (page) =>
      operator.users({ ...page, search, filter: { role, ...(disabled && { disabled }) } }),
    ),
  )
  if (json) return printJson(users)
  for (const user of users) console.log(describeUser(user))
  if (users.length === 0) console.log('No users were found.')
}

export async function createUser(
  environment: Environment,
  email: string,
  { role, username, json }: NewUserOptions,
) {
  const user = await withService(environment, ({ operator }) =>
    operator.createUser({ email, username, roles: role }).catch(explain),
  )
  if (json) return printJson(user)
  console.log(`${email} has an account now (${user.id}), and gets a link that sets its password.`)
}

export async function inviteUser(environment: Environment, email: string, { role, json }: NewUserOptions) {
  const user = await withService(environment, ({ operator }) =>
    operator.inviteUser({ email, roles: role }).catch(explain),
  )
  if (json) return printJson(user)
  console.log(`${email} is invited (${user.id}), and gets a link that sets its password.`)
}

export async function deleteUser(environment: Environment, email: string, { json }: Output) {
  const id = await withService(environment, async ({ operator }) => {
    const { edges } = await operator.users({ first: 1, count: false, search: email })
    const found = edges[0]?.node
    if (found?.email !== email) throw new CommandError(`There is no account with the address ${email}.`)
    await operator.deleteUser({ id: found.id }).catch(explain)
    return found.id
  })
  if (json) return printJson({ id, email })
  console.log(`${email} is deleted, with everything that belongs to the account. Its events are kept.`)
}

export async function listMails(environment: Environment, { failed, limit, json }: MailOptions) {
  const mails = await withService(environment, async ({ operator }) =>
    collectPages(limit, (page) => operator.mails({ ...page, filter: failed && { status: 'FAILED' } })),
  )
  if (json) return printJson(mails)
  for (const { id, kind, recipient, status, attempts, fault, createdAt } of mails) {
    console.log(`${id}  ${formatTime(createdAt)}  ${status}  ${kind} to ${recipient}`)
    if (fault) console.log(`    ${attempts} attempts: ${fault}`)
  }
  if (mails.length === 0) console.log('There are no such mails in the outbox.')
}

export async function retryMail(environment: Environment, id: string, { json }: Output) {
  const mail = await withService(environment, ({ operator }) => operator.retryMail({ id }).catch(explain))
  if (json) return printJson(mail)
  console.log(`The ${mail.kind} to ${mail.recipient} is sent again.`)
}

function describeUser({ id, email, emailVerified, roles, disabledAt, createdAt }: ManagedUser) {
  const notes = [
    ...(emailVerified ? [] : ['not verified']),
    ...(disabledAt ? [`disabled ${formatTime(disabledAt)}`] : []),
    ...(roles.length > 0 ? [`roles: ${roles.join(', ')}`] : []),
  ]
  return `${id}  ${formatTime(createdAt)}  ${email}${notes.length > 0 ? `  (${notes.join('; ')})` : ''}`
}

const SENTENCES: Record<string, string> = {
  EMAIL_TAKEN: 'An account with this address exists already.',
  NOT_FOUND: 'There is nothing with this id, or its state does not allow this.',
  INVALID_INPUT: 'There is no such role.',
}

function explain(error: unknown): never {
  if (!(error instanceof AuthError)) throw error
  const needsMail = error.code === 'SERVICE_UNAVAILABLE' && !error.cause
  const sentence = needsMail
    ? 'A mail server in SMTP_URL is needed: the user must get a link.'
    : error.code === 'FORBIDDEN'
      ? error.message
      : SENTENCES[error.code]
  throw sentence ? new CommandError(sentence, { cause: error }) : error
}
