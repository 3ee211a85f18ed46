import { builder } from './builder.ts'
import { addRootFields } from './root-fields.ts'

addRootFields()

/** Built from the contract alone: no environment, no database, no service. */
export const schema = builder.toSchema()
