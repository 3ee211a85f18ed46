import type { z } from 'zod'
import type { Act } from './administrator.ts'
import type { Caller } from './caller.ts'
import type { Operation } from './operation.ts'
import { accountOperations } from './operations/account.ts'
import { auditOperations } from './operations/audit.ts'
import { factorOperations } from './operations/factors.ts'
import { mailedLinkOperations } from './operations/mailed-links.ts'
import { passkeyOperations } from './operations/passkeys.ts'
import { roleOperations } from './operations/roles.ts'
import { serviceKeyOperations } from './operations/service-keys.ts'
import { sessionOperations } from './operations/sessions.ts'
import { signInOperations } from './operations/sign-in.ts'
import { userSupportOperations } from './operations/user-support.ts'
import { userOperations } from './operations/users.ts'
import { webhookOperations } from './operations/webhooks.ts'
import type { Permission } from './permissions.ts'

/** Every operation of the product by its name: the GraphQL field, the OpenAPI operation id and the core's function. */
export const operations = {
  ...signInOperations,
  ...factorOperations,
  ...passkeyOperations,
  ...accountOperations,
  ...mailedLinkOperations,
  ...sessionOperations,
  ...roleOperations,
  ...userOperations,
  ...userSupportOperations,
  ...auditOperations,
  ...serviceKeyOperations,
  ...webhookOperations,
} satisfies Record<string, Operation>

export type OperationName = keyof typeof operations

/** The parsed input of an operation; undefined if it has none. */
export type InputOf<Name extends OperationName> =
  (typeof operations)[Name] extends Operation<infer Input> ? z.output<Input> : never

type OutputOf<Name extends OperationName> = z.output<(typeof operations)[Name]['output']>

/** The operations that need a permission. */
type AdministrationName = {
  [Name in OperationName]: (typeof operations)[Name] extends { permission: Permission } ? Name : never
}[OperationName]

/** The use cases of these operations, which take the administrator that the check of the permission finds. */
export type AdministrationUseCases = {
  [Name in AdministrationName]: (input: InputOf<Name>, act: Act) => OutputOf<Name> | Promise<OutputOf<Name>>
}

/** What the adapters call: one function for each operation. It throws `AuthError` when it refuses. */
export type Core = {
  [Name in OperationName]: (input: InputOf<Name>, caller: Caller) => OutputOf<Name> | Promise<OutputOf<Name>>
}

/** The core as the adapters get it: an operation can be refused before its input is parsed, if the server is busy. */
export type AdmittingCore = Core & { refuseIfBusy: (caller: Caller) => Promise<never> | undefined }
