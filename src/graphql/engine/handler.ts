import { execute, type GraphQLSchema, getOperationAST, OperationTypeNode } from 'graphql'
import { createYoga } from 'graphql-yoga'
import type { AdmittingCore } from '../../contract/operations.ts'
import { invalid } from '../../errors.ts'
import { answer } from '../../http/answer.ts'
import type { RequestContext } from '../../http/context.ts'
import { graphqlContentType, graphqlMediaType } from '../../http/request/accept.ts'
import { bodyOf, readJson } from '../../http/request/body.ts'
import type { GraphQLContext } from '../schema/builder.ts'
import { costLimits } from './cost-limits.ts'
import { operationNameError } from './document-errors.ts'
import { createDocuments, type Prepared } from './documents.ts'
import { createMeRequests } from './me-requests.ts'
import { noIntrospection } from './no-introspection.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { withPlainAnswers } from './plain-answers.ts'
import { toPublicErrors } from './public-errors.ts'
import { rootField } from './root-field.ts'
import { MAX_COERCION_ERRORS, prepareSingleField } from './single-field.ts'
import { variablesError } from './variable-errors.ts'

type Options = {
  schema: GraphQLSchema
  core: AdmittingCore
  introspection: boolean
  isObserved: boolean
}

/**
 * `POST /graphql`. Calls Yoga's engine directly, and only for new documents: its HTTP layer costs several times as much
 * as an execution, and its hooks twice as much. The pipeline has already checked method, media type, size and origin.
 * This handles the parameters, the status and the content type of GraphQL over HTTP.
 */
export function createGraphQL({ schema, core, introspection, isObserved }: Options) {
  const yoga = createYoga<GraphQLContext>({
    schema,
    plugins: introspection ? [costLimits] : [costLimits, noIntrospection],
    parserAndValidationCache: false,
    maskedErrors: false,
    logging: false,
    graphiql: false,
    cors: false,
    batching: false,
    multipart: false,
  })

  const meRequests = createMeRequests()
  const executable = withPlainAnswers(schema)
  const prepare = createDocuments(yoga, (document) => prepareSingleField(executable, document))

  function executeRequest(prepared: Prepared, { operationName, variables }: Parameters, c: RequestContext) {
    const { document, introspects, errors } = prepared
    if (!document) return { errors }
    if (isObserved) c.operation = rootField(document, operationName)
    const operation = getOperationAST(document, operationName)
    if (!operation) throw operationNameError(document, operationName)
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) {
      throw invalid('query', 'There are no subscriptions.')
    }
    const contextValue: GraphQLContext = { core, caller: c.caller }
    const variableValues = variables ?? {}
    const result =
      prepared.execute?.(variableValues, contextValue) ??
      execute({
        schema: introspects ? schema : executable,
        document,
        contextValue,
        variableValues,
        operationName: operationName ?? null,
        options: { maxCoercionErrors: MAX_COERCION_ERRORS },
      })
    if (!(result instanceof Promise) && !('data' in result))
      throw variablesError(schema, operation, variableValues)
    return result
  }

  /** Without a promise, because each one costs a cached `me`. */
  return function graphql(c: RequestContext) {
    const key = meRequests.find(bodyOf(c))
    const written = key === undefined ? undefined : cachedViewer(c)?.findAnswer(key)
    return written === undefined ? measureWork(c) : respondToMe(c, written)
  }

  function measureWork(c: RequestContext) {
    const began = performance.now()
    try {
      return answerRequest(c)
    } finally {
      c.workMs = performance.now() - began
    }
  }

  function respondToMe(c: RequestContext, written: string) {
    if (isObserved) c.operation = 'me'
    return respond(c, written, 200)
  }

  async function answerRequest(c: RequestContext) {
    const parameters = readParameters(readJson(c))
    if (!parameters) return refusePersistedQuery(c)
    const prepared = prepare(parameters.query)
    const { ofMe } = prepared
    const isMe = ofMe && (!parameters.operationName || parameters.operationName === ofMe.name)
    const viewer = isMe ? cachedViewer(c) : undefined
    const key = isMe && viewer ? ofMe.answerKey(parameters.variables) : ''
    if (viewer) meRequests.add(bodyOf(c), key)
    const written = viewer?.findAnswer(key)
    if (written) return respondToMe(c, written)
    // Only answers that were written before need no turn. A client with an account can send new documents for ever.
    c.caller.isAdmitted = false
    const refusal = isMe ? undefined : core.refuseIfBusy(c.caller)
    if (refusal) await refusal
    const answering = executeRequest(prepared, parameters, c)
    const result = answering instanceof Promise ? await answering : answering

    const executed = 'data' in result
    const errors = result.errors && toPublicErrors(c, result.errors, executed)
    const text = JSON.stringify({ errors, ...(executed && { data: result.data }) })
    if (!errors) viewer?.keepAnswer(key, text)
    return respond(c, text, executed ? 200 : 400)
  }
}

/** The caller, if the session cache has it. */
function cachedViewer(c: RequestContext) {
  const viewer = c.caller.view()
  if (!(viewer instanceof Promise)) return viewer
  // The resolver waits for it too, unless a directive leaves `me` out.
  viewer.catch(() => {})
  return undefined
}

/**
 * Makes a client of automatic persisted queries send its queries in full. Older clients read only the JSON of a 200, which
 * Apollo Server sends. With `graphql-response+json`, the status is that of a refusal.
 */
export function refusePersistedQuery(c: RequestContext) {
  const code = 'PERSISTED_QUERY_NOT_SUPPORTED'
  c.code = code
  const text = JSON.stringify({ errors: [{ message: 'PersistedQueryNotSupported', extensions: { code } }] })
  return respond(c, text, graphqlMediaType(c) === 'application/json' ? 200 : 400)
}

function respond(c: RequestContext, text: string, status: 200 | 400) {
  return answer(c, text, status, graphqlContentType(c))
}
