import type { z } from 'zod'
import type { Caller } from './caller.ts'
import type { Operation } from './operation.ts'
import { accountOperations } from './operations/account.ts'
import { factorOperations } from './operations/factors.ts'
import { mailedLinkOperations } from './operations/mailed-links.ts'
import { passkeyOperations } from './operations/passkeys.ts'
import { sessionOperations } from './operations/sessions.ts'
import { signInOperations } from './operations/sign-in.ts'

/** Every operation of the product by its name: the GraphQL field, the OpenAPI operation id and the service's function. */
export const operations = {
  ...signInOperations,
  ...factorOperations,
  ...passkeyOperations,
  ...accountOperations,
  ...mailedLinkOperations,
  ...sessionOperations,
} satisfies Record<string, Operation>

export type OperationName = keyof typeof operations

/** The parsed input of an operation; undefined if it has none. */
export type InputOf<Name extends OperationName> =
  (typeof operations)[Name] extends Operation<infer Input> ? z.output<Input> : never

type OutputOf<Name extends OperationName> = z.output<(typeof operations)[Name]['output']>

/** What the adapters call: one function for each operation. It throws `AuthError` when it refuses. */
export type Service = {
  [Name in OperationName]: (input: InputOf<Name>, caller: Caller) => OutputOf<Name> | Promise<OutputOf<Name>>
}
