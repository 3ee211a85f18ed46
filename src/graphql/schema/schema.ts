import { builder } from './builder.ts'
import { addRootFields } from './root-fields.ts'

addRootFields()

/**
 * Built from the contract alone: no environment, no database, no core. Not sorted, which would build it twice. The
 * printed schema is sorted by its printer.
 */
export const schema = builder.toSchema({ sortSchema: false })
