import { Hono } from 'hono'
import type { Operation } from '../contract/operation.ts'
import { type AdmittingCore, type OperationName, operations } from '../contract/operations.ts'
import type { AppEnv } from '../http/context.ts'
import type { Handler } from '../http/pipeline.ts'
import { documented, route } from './route.ts'

/** One route for each operation of the contract, possibly without those of administration. */
export function operationRoutes(core: AdmittingCore, hasAdministration: boolean) {
  const app = new Hono<AppEnv>()
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    if (operation.permission && !hasAdministration) continue
    const { method, path } = operation.rest
    const handler = route(name, operation, core[name as OperationName])
    const handleUnlessBusy: Handler = (c) => core.refuseIfBusy(c.env.caller) ?? handler(c)
    app.on(method, path, name === 'me' ? handler : documented(name, operation, handleUnlessBusy))
  }
  return app
}
