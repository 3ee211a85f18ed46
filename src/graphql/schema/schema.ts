import './email.ts'
import './events.ts'
import './login.ts'
import './logout.ts'
import './me.ts'
import './password.ts'
import './refresh.ts'
import './register.ts'
import './sessions.ts'
import { builder } from './builder.ts'

/** Built from the code alone: no environment, no database, no service. */
export const schema = builder.toSchema()
