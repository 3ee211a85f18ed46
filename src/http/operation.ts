import { matchedRoutes } from 'hono/route'
import type { AppContext } from './context.ts'

/** Pages, preflights, unknown paths and invalid documents: all that is no operation of the contract. */
export const OTHER = 'other'

export type AdapterName = 'graphql' | 'rest'

export function adapterOf(c: AppContext): AdapterName {
  return c.req.path === '/graphql' ? 'graphql' : 'rest'
}

/** The operation of a request, by its name in the contract, over both adapters. Never a word of the client's. */
export function operationOf(c: AppContext): string {
  const handler = matchedRoutes(c).at(-1)?.handler as { operationName?: string } | undefined
  return c.get('operation') ?? handler?.operationName ?? OTHER
}
