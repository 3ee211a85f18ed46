import { z } from 'zod'
import type { Code } from '../errors.ts'
import type { Permission } from './permissions.ts'

/** The groups of the OpenAPI document. */
export type Tag =
  | 'Signing in'
  | 'Second factor'
  | 'Passkeys'
  | 'Account'
  | 'By mail'
  | 'Sessions and events'
  | 'Administration'
  | 'Services'
  | 'Server'

/** `refreshToken`: the secret of a session with transport `TOKEN`; `serviceKey`: of another service. Sent as the bearer. */
type Credential = 'bearer' | 'cookie' | 'refreshToken' | 'serviceKey'

/** What an HTTP endpoint takes and answers. The routes work by it and the OpenAPI document is made from it. */
export type Endpoint<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> = {
  tag: Tag
  /** One line without a full stop. */
  summary: string
  description: string
  /** Path parameters are fields of the input; the rest comes from the body, or from the query if the method is GET. */
  input?: Input
  /** A body that works. */
  example?: z.input<Input>
  output?: Output
  /** The credentials that it reads; none if left out. */
  credentials?: Credential[]
  /** Whether it also works without any of these credentials. */
  credentialsOptional?: true
  /** Whether a session without the required second factor may use it. */
  enrolls?: true
  /**
   * What the caller must hold: a user by a role, with a second factor that was proven a short time ago; a service by the
   * scopes of its key.
   */
  permission?: Permission
  /** The codes that it can answer with, besides those that `codesOf` adds and those that any request can get. */
  refusals: Code[]
  rest: {
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
    /** With parameters as `:name`. */
    path: string
    /** With 202 and 204 the answer has no body. */
    status: 200 | 201 | 202 | 204
    /** Wraps an output that is no object: `{ [member]: output }`, a schema of this id. */
    wrap?: { member: string; id: string }
    cookie?: 'set' | 'cleared' | 'device'
    cacheSeconds?: number
    /** Also takes the body as a form, as the standards of OAuth require. It reads no cookie. */
    takesForm?: true
    /** Whether a gateway asks about a request of another method, which it names in a header. */
    isForGateways?: true
    /** The type of the answer, if it is not JSON. */
    mediaType?: 'text/event-stream'
  }
}

/** An operation of the product: both adapters and all documents of the API are made from this one definition. */
export type Operation<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> = Endpoint<
  Input,
  Output
> & {
  output: Output
} & (
    | { kind: 'query' }
    | {
        kind: 'mutation'
        /**
         * Whether it takes a credential (a password, a code, a token), gives one, or has one mailed. A GraphQL
         * operation may hold one such mutation, so that aliases do not multiply the attempts, and none acts on a secret
         * that another has replaced.
         */
        handlesCredential: boolean
      }
  )

type NoInput = z.ZodUndefined
type Plain = { tag: Exclude<Tag, 'Administration'>; permission?: never }

/** Defines a query. The function only keeps the types of the schemas. */
export function query<Output extends z.ZodType, Input extends z.ZodType = NoInput>(
  definition: Endpoint<Input, Output> & { output: Output } & Plain,
) {
  return { ...definition, kind: 'query' as const }
}

/** Defines a mutation. The function only keeps the types of the schemas. */
export function mutation<Output extends z.ZodType, Input extends z.ZodType = NoInput>(
  definition: Endpoint<Input, Output> & { output: Output; handlesCredential: boolean } & Plain,
) {
  return { ...definition, kind: 'mutation' as const }
}

/** What an operation of administration defines itself; the rest is the same for all. */
type Administration<Input extends z.ZodType, Output extends z.ZodType> = Omit<
  Endpoint<Input, Output>,
  'tag' | 'credentials'
> & { permission: Permission; output: Output }

const ADMINISTRATION = {
  tag: 'Administration' as const,
  credentials: ['bearer', 'cookie', 'serviceKey'] satisfies Credential[] as Credential[],
}
const OF_ADMINISTRATION: Code[] = ['REAUTHENTICATION_REQUIRED', 'SERVICE_UNAVAILABLE']

/** Defines a query of administration. It does not compile without a permission. */
export function administrationQuery<Output extends z.ZodType, Input extends z.ZodType = NoInput>({
  refusals,
  ...definition
}: Administration<Input, Output>) {
  const all = [...OF_ADMINISTRATION, ...refusals]
  return { ...definition, ...ADMINISTRATION, refusals: all, kind: 'query' as const }
}

/** Defines a mutation of administration. It does not compile without a permission. */
export function administrationMutation<Output extends z.ZodType, Input extends z.ZodType = NoInput>({
  refusals,
  ...definition
}: Administration<Input, Output> & { handlesCredential: boolean }) {
  const all = [...OF_ADMINISTRATION, 'TOO_MANY_REQUESTS' as const, ...refusals]
  return { ...definition, ...ADMINISTRATION, refusals: all, kind: 'mutation' as const }
}

/** Whether it is a mutation of a signed-in user. Its calls are counted for each session, so it can be refused for that. */
export function needsSession({ kind, credentials, credentialsOptional }: Operation) {
  return kind === 'mutation' && credentials !== undefined && !credentialsOptional
}

/**
 * Whether a server that requires a second factor refuses the sessions without one. Operations of administration demand a
 * factor themselves, of users and not of services.
 */
export function needsRequiredFactor(endpoint: Endpoint | Operation) {
  const { credentials, credentialsOptional, enrolls, permission } = endpoint
  return 'kind' in endpoint && credentials !== undefined && !credentialsOptional && !enrolls && !permission
}

/** The codes that an endpoint can answer with: those that follow from what it takes and asks of its caller, and its own. */
export function codesOf(endpoint: Endpoint | Operation) {
  const codes = new Set<Code>()
  if (endpoint.input) codes.add('INVALID_INPUT')
  if (endpoint.credentials) codes.add('UNAUTHENTICATED')
  if (endpoint.permission) codes.add('FORBIDDEN')
  if (needsRequiredFactor(endpoint)) codes.add('REAUTHENTICATION_REQUIRED')
  return [...codes.union(new Set(endpoint.refusals))]
}

/** Defines an endpoint that exists only over REST. The function only keeps the types of the schemas. */
export function endpoint<Output extends z.ZodType, Input extends z.ZodType = NoInput>(
  definition: Endpoint<Input, Output>,
) {
  return definition as Endpoint<Input, Output> & { input: Input }
}

/** Where the fields of an input travel over REST. GraphQL puts an input with a body into one `input` argument. */
export function fieldLocationsOf({ input, rest }: Endpoint) {
  const fields = input ? Object.keys(objectIn(input).shape) : []
  const path = fields.filter((field) => rest.path.split('/').includes(`:${field}`))
  const others = fields.filter((field) => !path.includes(field))
  const isQuery = rest.method === 'GET'
  return { path, query: isQuery ? others : [], body: isQuery ? [] : others }
}

/** The object schema of an input that may be optional or have a default. */
export function objectIn(schema: z.core.$ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault)
    return objectIn(schema.def.innerType)
  throw new TypeError('The input of an operation must be an object')
}
