import type { Role } from '../../contract/outputs/administration/role.ts'
import { type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'

export async function listRoles(environment: Environment, { json }: Output) {
  const roles = await withCore(environment, ({ operator }) => operator.roles(undefined))
  if (json) return printJson(roles)
  for (const role of roles) console.log(describe(role))
}

export async function putRole(
  environment: Environment,
  name: string,
  { permissions, json }: Output & { permissions: string[] },
) {
  const role = await withCore(environment, ({ operator }) => operator.putRole({ name, permissions })).catch(
    explain,
  )
  if (json) return printJson(role)
  console.log(describe(role))
}

export async function removeRole(environment: Environment, name: string, { json }: Output) {
  await withCore(environment, ({ operator }) => operator.removeRole({ name })).catch(explain)
  if (json) return printJson({ name })
  console.log(`The role ${name} is removed, also from its holders.`)
}

const describe = ({ name, permissions }: Role) => `${name}: ${permissions.join(', ') || 'no permissions'}`

const explain = explainRefusal({ NOT_FOUND: 'There is no such role.' })
