import { MAX_ROLES } from '../../auth/administration/roles/user-roles.ts'
import { type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'

type Options = Output & { role: string[]; username?: string }

const explain = explainRefusal({
  EMAIL_TAKEN: 'An account with this address exists already.',
  INVALID_INPUT: `There is no such role, or the user would have more than ${MAX_ROLES}.`,
})

export async function createUser(environment: Environment, email: string, options: Options) {
  const { role: roles, username, json } = options
  const user = await withCore(environment, ({ operator }) =>
    operator.createUser({ email, username, roles }).catch(explain),
  )
  if (json) return printJson(user)
  console.log(`${email} has an account now (${user.id}), and gets a link that sets its password.`)
}

export async function inviteUser(environment: Environment, email: string, { role: roles, json }: Options) {
  const user = await withCore(environment, ({ operator }) =>
    operator.inviteUser({ email, roles }).catch(explain),
  )
  if (json) return printJson(user)
  console.log(`${email} is invited (${user.id}), and gets a link that sets its password.`)
}
