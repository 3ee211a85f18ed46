import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { z } from 'zod'
import { parse } from '../auth/inputs.ts'
import type { AuthService } from '../auth/service.ts'
import { AuthError, asAuthError, type FieldFault } from '../errors.ts'
import { readJson } from '../http/body.ts'
import type { AppContext } from '../http/context.ts'
import { note } from '../http/error-response.ts'
import type { GraphQLContext } from './builder.ts'
import { rememberDocuments } from './documents.ts'
import { limits } from './limits.ts'
import { rootField } from './root-field.ts'
import { schema } from './schema.ts'

/** GraphQL over HTTP, section 5.4: parameters beside these are for others. */
const Parameters = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})

type Result = { data?: unknown; errors?: readonly GraphQLError[] }
type Options = { auth: AuthService; introspection: boolean; isObserved: boolean }

/**
 * `POST /graphql`. Yoga's engine with its plugins, caches and masking, called directly: its HTTP
 * layer costs several times what the engine does, and method, media type, size and origin have
 * been judged before. What is left of GraphQL over HTTP is here: parameters, status, content type.
 */
export function createGraphQL({ auth, introspection, isObserved }: Options) {
  const documents = rememberDocuments()
  const yoga = createYoga<GraphQLContext>({
    schema,
    plugins: [documents.plugin, limits, ...(introspection ? [] : [noIntrospection])],
    parserAndValidationCache: false,
    // Masking with `isDev` on, its default in development, would send messages and stacks.
    maskedErrors: { isDev: false, maskError: (error) => mask(error) },
    logging: false,
    graphiql: false,
    cors: false,
    batching: false,
    multipart: false,
  })

  return async function graphql(c: AppContext) {
    const params = parse(Parameters, readJson(c)) as Parameters<typeof yoga.getResultForParams>[0]['params']
    const context = { auth, caller: c.get('caller') }
    const result = (await yoga.getResultForParams({ params, request: c.req.raw }, context as never)) as Result

    const executed = 'data' in result
    const errors = executed ? result.errors : result.errors?.map(asRequestError)
    for (const { originalError, extensions } of errors ?? []) {
      if (originalError instanceof AuthError) note(c, originalError)
      else if (!executed) c.set('code', String(extensions.code))
    }
    if (isObserved) {
      const document = documents.find(params.query ?? '')
      if (document) c.set('operation', rootField(document, params.operationName))
    }
    const body = {
      ...(executed && { data: result.data }),
      ...(errors && { errors: errors.map(publicError) }),
    }
    const accepted = c.req.header('accept')?.includes('application/graphql-response+json')
    return c.body(JSON.stringify(body), executed ? 200 : 400, {
      'Content-Type': `application/${accepted ? 'graphql-response+json' : 'json'}; charset=utf-8`,
    })
  }
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
 * Variables and operation names that do not fit are found when execution begins and come without
 * a code. GraphQL's message repeats the value of a variable, which may be a password.
 */
function asRequestError(error: GraphQLError) {
  const { message, extensions } = error
  if (String(extensions.code).startsWith('GRAPHQL_')) return withoutValue(error)
  const noOperation = extensions.code === 'OPERATION_RESOLUTION_FAILURE' && 'operationName'
  const parent = /at "\w+\.([\w.]+)"/.exec(message)?.[1]
  const [, missing] = /Field "(\w+)" of required type/.exec(message) ?? []
  const [, unknown] = /Field "(\w+)" is not defined/.exec(message) ?? []
  const field: FieldFault = {
    path: noOperation || [parent, missing ?? unknown].filter(Boolean).join('.'),
    message: unknown
      ? 'Is not a known field.'
      : /required type/.test(message)
        ? 'Is required.'
        : 'Does not fit.',
  }
  return refusal(new AuthError('INVALID_INPUT', { fields: [field] }), error)
}

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
