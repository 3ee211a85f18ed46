import type { Operation } from '../contract/operation.ts'
import { type AdmittingCore, type OperationName, operations } from '../contract/operations.ts'
import type { Handler } from '../http/context.ts'
import { createHandler, toRoute } from './route.ts'

/** One route for each operation of the contract, possibly without those of administration. */
export function operationRoutes(core: AdmittingCore, hasAdministration: boolean) {
  return Object.entries<Operation>(operations)
    .filter(([, { permission }]) => hasAdministration || !permission)
    .map(([name, operation]) => {
      const handler = createHandler(operation, core[name as OperationName])
      const handleUnlessBusy: Handler = (c) => core.refuseIfBusy(c.caller) ?? handler(c)
      return toRoute(name, operation, name === 'me' ? handler : handleUnlessBusy)
    })
}
