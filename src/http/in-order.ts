import type { MiddlewareHandler } from 'hono'
import type { AppContext, AppEnv } from './context.ts'

/** Something that is done to a request before its handler has it: nothing comes after. A response ends it there. */
// biome-ignore lint/suspicious/noConfusingVoidType: most steps return nothing at all
export type Step = (c: AppContext) => void | Response | Promise<void | Response>

/** Steps as one middleware, since one for each takes the router as long as all that they do. */
export function inOrder(...steps: Step[]): MiddlewareHandler<AppEnv> {
  return async function inOrder(c, next) {
    for (const step of steps) {
      const done = step(c)
      const response = done instanceof Promise ? await done : done
      if (response) return response
    }
    await next()
  }
}
