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
import { schema } from './schema.ts'

/** GraphQL over HTTP, section 5.4: parameters beside these are for others. */
const Parameters = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})

type Result = { data?: unknown; errors?: readonly GraphQLError[] }
type Options = { auth: AuthService; introspection: boolean }

/**
 * `POST /graphql`. Yoga's engine with its plugins, caches and masking, called directly: its HTTP
 * layer costs several times what the engine does, and method, media type, size and origin have
 * been judged before. What is left of GraphQL over HTTP is here: parameters, status, content type.
 */
export function createGraphQL({ auth, introspection }: Options) {
  const yoga = createYoga<GraphQLContext>({
    schema,
    plugins: introspection ? [] : [noIntrospection],
    // Masking with `isDev` on, its default in development, would send messages and stacks.
    maskedErrors: { isDev: false, maskError: (error) => mask(error) },
    logging: false,
    graphiql: false,
    cors: false,
    batching: false,
    multipart: false,
  })

  return async function graphql(c: AppContext) {
    const params = parse(Parameters, await readJson(c)) as Parameters<
      typeof yoga.getResultForParams
    >[0]['params']
    const context = { auth, caller: c.var.caller }
    const result = (await yoga.getResultForParams({ params, request: c.req.raw }, context as never)) as Result

    const executed = 'data' in result
    const errors = result.errors?.map((error) => {
      if (error.originalError instanceof AuthError) note(c, error.originalError)
      return executed ? publicError(error) : publicError(asInputError(error))
    })
    const body = JSON.stringify({ ...(executed && { data: result.data }), ...(errors && { errors }) })
    const accepted = c.req.header('accept')?.includes('application/graphql-response+json')
    return c.body(body, executed ? 200 : 400, {
      'Content-Type': `application/${accepted ? 'graphql-response+json' : 'json'}; charset=utf-8`,
    })
  }
}

const noIntrospection: Plugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
}

/** GraphQL's own errors speak of the document and stay; whatever a resolver threw passes the one table. */
function mask(error: unknown) {
  if (error instanceof GraphQLError && !error.originalError) return error
  const fault = error instanceof GraphQLError ? error.originalError : error
  const known = asAuthError(fault)
  const { nodes, path } = error instanceof GraphQLError ? error : {}
  return new GraphQLError(known.message, {
    nodes: nodes ?? null,
    path: path ?? null,
    originalError: known,
    extensions: known.extensions,
  })
}

/**
 * Variables that do not fit their types are found when execution begins and come without a code;
 * GraphQL's message repeats the value, which may be a password.
 */
function asInputError(error: GraphQLError) {
  if (error.extensions.code || !error.message.startsWith('Variable ')) return error
  const at = /at "[^".]*\.?([^"]*)"/.exec(error.message)?.[1] ?? ''
  const lacking = /Field "(\w+)" of required type/.exec(error.message)?.[1]
  const unknown = /Field "(\w+)" is not defined/.exec(error.message)?.[1]
  const field: FieldFault = {
    path: [at, lacking ?? unknown].filter(Boolean).join('.'),
    message:
      lacking || error.message.includes('was not provided')
        ? 'Is required.'
        : unknown
          ? 'Is not a known field.'
          : 'Has the wrong type.',
  }
  const refusal = new AuthError('INVALID_INPUT', { fields: [field] })
  return new GraphQLError(refusal.message, { nodes: error.nodes ?? null, extensions: refusal.extensions })
}

/** Yoga marks errors with statuses and headers for its own HTTP layer. */
function publicError({ message, locations, path, extensions }: GraphQLError) {
  const { http: _, ...shown } = extensions
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: shown }
}
