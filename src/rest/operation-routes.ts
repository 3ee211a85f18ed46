import { Hono } from 'hono'
import type { Operation } from '../contract/operation.ts'
import { type OperationName, operations, type Service } from '../contract/operations.ts'
import type { AppEnv } from '../http/context.ts'
import { route } from './route.ts'

/** One route for each operation of the contract, possibly without those of administration. */
export function operationRoutes(service: Service, hasAdministration: boolean) {
  const app = new Hono<AppEnv>()
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    if (operation.permission && !hasAdministration) continue
    const { method, path } = operation.rest
    app.on(method, path, route(name, operation, service[name as OperationName]))
  }
  return app
}
