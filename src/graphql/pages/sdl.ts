import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { answer } from '../../http/answer.ts'
import type { RequestContext } from '../../http/context.ts'

/** `GET /schema.graphql`: the same text as in the repository, for code generators of clients. */
export function createSdl(schema: GraphQLSchema) {
  let printed: string | undefined
  return function sdl(c: RequestContext) {
    printed ??= printSchema(lexicographicSortSchema(schema))
    return answer(c, printed, 200, 'application/graphql; charset=utf-8', {
      'Cache-Control': 'public, max-age=300',
    })
  }
}
