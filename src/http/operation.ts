import { matchedRoutes } from 'hono/route'
import type { AppContext } from './context.ts'

/** Pages, preflights, unknown paths and documents that do not validate: whatever is no operation of the contract. */
export const OTHER = 'other'

export type DoorName = 'graphql' | 'rest'

export function doorOf(c: AppContext): DoorName {
  return c.req.path === '/graphql' ? 'graphql' : 'rest'
}

/** What a request asks for, in the contract's words whichever door it takes; never a word of the client's. */
export function operationOf(c: AppContext): string {
  const handler = matchedRoutes(c).at(-1)?.handler as { operation?: { id: string } } | undefined
  return c.get('operation') ?? handler?.operation?.id ?? OTHER
}
