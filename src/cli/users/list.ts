import type { ManagedUser } from '../../contract/outputs/administration/managed-user.ts'
import { formatTime } from '../support/format-time.ts'
import { collectPages, type Output, printJson } from '../support/output.ts'
import { type Environment, withCore } from '../support/with-core.ts'

type Options = Output & { search?: string; role?: string; disabled?: true; limit: number }

export async function listUsers(environment: Environment, { search, role, disabled, limit, json }: Options) {
  const filter = { role, ...(disabled && { disabled }) }
  const users = await withCore(environment, ({ operator }) =>
    collectPages(limit, (page) => operator.users({ ...page, search, filter })),
  )
  if (json) return printJson(users)
  for (const user of users) console.log(describe(user))
  if (users.length === 0) console.log('No users were found.')
}

function describe({ id, email, emailVerified, roles, disabledAt, createdAt }: ManagedUser) {
  const notes = [
    ...(emailVerified ? [] : ['not verified']),
    ...(disabledAt ? [`disabled ${formatTime(disabledAt)}`] : []),
    ...(roles.length > 0 ? [`roles: ${roles.join(', ')}`] : []),
  ]
  return `${id}  ${formatTime(createdAt)}  ${email}${notes.length > 0 ? `  (${notes.join('; ')})` : ''}`
}
