import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import type { Caller } from '../contract/caller.ts'
import { parse } from '../contract/inputs.ts'
import type { Code } from '../errors.ts'
import { readJson } from '../http/body.ts'
import type { AppContext } from '../http/context.ts'
import type { Handler } from '../http/life.ts'

/** What a route takes and answers: it works by this, and the OpenAPI document is made of it. */
export type Operation<Input extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> = {
  id: string
  tag: Tag
  summary: string
  description: string
  input?: Input
  /** Where the input is, when not in the body. */
  inputIn?: 'query' | 'path'
  /** A body that works. */
  example?: z.input<Input>
  status: 200 | 201 | 202 | 204
  /** What the body of a success holds; without it there is none. */
  answer?: Answer
  /** Which credentials it takes; without this, none is needed. */
  credentials?: ('bearer' | 'cookie' | 'refreshToken')[]
  /** Whether it also goes without any of them. */
  credentialsOptional?: true
  cookie?: 'set' | 'cleared'
  cacheSeconds?: number
  /** What it may refuse, beside what any request is refused for. */
  refusals: Code[]
}

export type Tag = 'Signing in' | 'Account' | 'By mail' | 'Sessions and events' | 'Server'

export type Documented = { operation: Operation }

/** Keeps the types of the schemas. */
export function operation<Input extends z.ZodType = z.ZodVoid, Answer extends z.ZodType = z.ZodUnknown>(
  described: Operation<Input, Answer>,
) {
  return described
}

const SOURCES = {
  body: readJson,
  query: (c: AppContext) => c.req.query(),
  path: (c: AppContext) => c.req.param(),
}

/** A handler that parses its input, lets `act` do the work and answers, as the operation says. */
export function route<Input extends z.ZodType, Answer extends z.ZodType>(
  described: Operation<Input, Answer>,
  act: (input: z.output<Input>, caller: Caller) => z.output<Answer> | Promise<z.output<Answer>>,
) {
  const { input, inputIn = 'body', status, answer, cacheSeconds } = described
  const read = input
    ? (c: AppContext) => parse(input, SOURCES[inputIn](c))
    : () => undefined as z.output<Input>
  return documented(described as Operation, async (c) => {
    const result = await act(read(c), c.get('caller'))
    if (cacheSeconds) c.header('Cache-Control', `public, max-age=${cacheSeconds}`)
    return answer ? c.json(result as object, status as ContentfulStatusCode) : c.body(null, status)
  })
}

/** A handler that answers by itself what the operation says. */
export function documented(described: Operation, handler: Handler): Handler & Documented {
  return Object.assign(handler, { operation: described })
}
