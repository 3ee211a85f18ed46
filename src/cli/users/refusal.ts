import { explainRefusal } from '../support/refusal.ts'

/** Explains why a command about the account with this address was refused, for `catch`. */
export const explainAccount = (email: string) =>
  explainRefusal({ NOT_FOUND: `There is no account with the address ${email}.` })
