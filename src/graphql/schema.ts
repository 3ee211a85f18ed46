import './login.ts'
import './logout.ts'
import './me.ts'
import './refresh.ts'
import './register.ts'
import { builder } from './builder.ts'

/** Built from the code alone: no environment, no database, no service. */
export const schema = builder.toSchema()
