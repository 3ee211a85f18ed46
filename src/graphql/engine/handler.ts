import {
  execute,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
} from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { z } from 'zod'
import type { AuthService } from '../../auth/service.ts'
import { parse } from '../../contract/inputs.ts'
import { AuthError, asAuthError, invalid } from '../../errors.ts'
import { readJson } from '../../http/body.ts'
import type { AppContext } from '../../http/context.ts'
import { note } from '../../http/error-response.ts'
import type { GraphQLContext } from '../schema/builder.ts'
import { schema } from '../schema/schema.ts'
import { limits } from './cost-limits.ts'
import { createDocuments, type Prepared } from './documents.ts'
import { rootField } from './root-field.ts'

/** GraphQL over HTTP, section 5.4: parameters beside these are for others. */
const Parameters = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})

type Parameters = z.output<typeof Parameters>
type Options = { auth: AuthService; introspection: boolean; isObserved: boolean }

/**
 * `POST /graphql`. Yoga's engine is called directly, since its HTTP layer costs several times what the engine
 * does, and for documents that are not known yet: its hooks cost twice what an execution does. Method, media
 * type, size and origin have been judged before. What is left of GraphQL over HTTP is here: parameters,
 * status, content type.
 */
export function createGraphQL({ auth, introspection, isObserved }: Options) {
  const yoga = createYoga<GraphQLContext>({
    schema,
    plugins: introspection ? [limits] : [limits, noIntrospection],
    parserAndValidationCache: false,
    maskedErrors: false,
    logging: false,
    graphiql: false,
    cors: false,
    batching: false,
    multipart: false,
  })

  const prepare = createDocuments(yoga)

  function answer({ document, errors }: Prepared, { operationName, variables }: Parameters, c: AppContext) {
    if (!document) return { errors }
    if (isObserved) c.set('operation', rootField(document, operationName))
    const operation = getOperationAST(document, operationName)
    if (!operation) throw notFitting('operationName')
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) {
      throw notFitting('query', 'There are no subscriptions.')
    }
    const contextValue: GraphQLContext = { auth, caller: c.get('caller') }
    const variableValues = variables ?? {}
    return execute({ schema, document, contextValue, variableValues, operationName: operationName ?? null })
  }

  return async function graphql(c: AppContext) {
    const body = readJson(c)
    // What the schema says in words is said here in one line, for the many that are right.
    const parameters = isParameters(body) ? body : parse(Parameters, body)
    const prepared = prepare(parameters.query)
    const { ofMe } = prepared
    const isMe = ofMe && (!parameters.operationName || parameters.operationName === ofMe.name)
    const user = isMe ? rememberedUser(c) : undefined
    const written = user && ofMe?.answers.get(user)
    if (written !== undefined) {
      if (isObserved) c.set('operation', 'me')
      return respond(c, written, 200)
    }
    const answering = answer(prepared, parameters, c)
    const result = answering instanceof Promise ? await answering : answering

    const executed = 'data' in result
    const errors = result.errors?.map(executed ? mask : asRequestError)
    for (const { originalError, extensions } of errors ?? []) {
      if (originalError instanceof AuthError) note(c, originalError)
      else if (!executed) c.set('code', String(extensions.code))
    }
    const answered = { errors: errors?.map(publicError), ...(executed && { data: result.data }) }
    const text = JSON.stringify(answered)
    if (user && !errors) ofMe?.answers.set(user, text)
    return respond(c, text, executed ? 200 : 400)
  }
}

/** Who is signed in, if that is at hand: an object that is another one as soon as anything of it has changed. */
function rememberedUser(c: AppContext) {
  const viewer = c.get('caller').view()
  return viewer instanceof Promise ? undefined : viewer?.user
}

function respond(c: AppContext, text: string, status: 200 | 400) {
  const accepted = c.req.header('accept')?.includes('application/graphql-response+json')
  return c.body(text, status, {
    'Content-Type': `application/${accepted ? 'graphql-response+json' : 'json'}; charset=utf-8`,
  })
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

function isParameters(body: unknown): body is Parameters {
  const { query, operationName, variables, extensions } = (body ?? {}) as Record<string, unknown>
  const isName = operationName === undefined || typeof operationName === 'string'
  const areVariables = variables === undefined || isObject(variables)
  return typeof query === 'string' && isName && areVariables && extensions === undefined && isObject(body)
}

/** Where the schema is not shown it is not hinted at either: "Did you mean …" names its fields. */
const noIntrospection: Plugin = {
  onValidate({ addValidationRule }) {
    addValidationRule(NoSchemaIntrospectionCustomRule)
    return ({ result, setResult, valid }) => {
      if (!valid) setResult((result as GraphQLError[]).map(withoutSuggestion))
    }
  },
}

function withoutSuggestion({ message, nodes, extensions }: GraphQLError) {
  return new GraphQLError(message.replace(/ Did you mean .*$/s, ''), { nodes: nodes ?? null, extensions })
}

/** GraphQL's own errors speak of the document and stay; whatever a resolver threw passes the one table. */
function mask(error: unknown) {
  let fault = error
  while (fault instanceof GraphQLError && fault.originalError) fault = fault.originalError
  if (fault instanceof GraphQLError) return error as GraphQLError
  return refusal(asAuthError(fault), error instanceof GraphQLError ? error : undefined)
}

/**
 * Variables that do not fit are found when execution begins and come without
 * a code. GraphQL's message repeats the value of a variable, which may be a password.
 */
function asRequestError(error: GraphQLError) {
  const { message, extensions } = error
  if (String(extensions.code).startsWith('GRAPHQL_')) return withoutValue(error)
  const parent = /at "\w+\.([\w.]+)"/.exec(message)?.[1]
  const [, missing] = /Field "(\w+)" of required type/.exec(message) ?? []
  const [, unknown] = /Field "(\w+)" is not defined/.exec(message) ?? []
  const path = [parent, missing ?? unknown].filter(Boolean).join('.')
  const words = unknown ? 'Is not a known field.' : /required type/.test(message) ? 'Is required.' : undefined
  return refusal(notFitting(path, words), error)
}

const notFitting = (path: string, message = 'Does not fit.') => invalid(path, message)

/** Where GraphQL did not expect a value may stand a password; line and column say where it is. */
function withoutValue({ message, nodes, source, positions, extensions }: GraphQLError) {
  const found = /(of type "[^"]*"), found .*|( value): .*|((?:found|Unexpected) \w+) ".*/s
  const place = { nodes: nodes ?? null, source: source ?? null, positions: positions ?? null }
  return new GraphQLError(message.replace(found, '$1$2$3.'), { ...place, extensions })
}

function refusal(originalError: AuthError, { nodes, path }: Partial<GraphQLError> = {}) {
  const { message, extensions } = originalError
  return new GraphQLError(message, { nodes: nodes ?? null, path: path ?? null, originalError, extensions })
}

/** Yoga marks errors with statuses and headers for its own HTTP layer. */
function publicError({ message, locations, path, extensions }: GraphQLError) {
  const { http: _, ...shown } = extensions
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: shown }
}
