import type { SQL } from 'drizzle-orm'
import type { ProfileColumns } from '../../../contract/fields.ts'
import { toChallengeRowId } from '../../factors/challenges.ts'
import type { FactorUse } from '../../factors/factor-use.ts'
import { type Opening, type ProofParts, prepareOpening } from './opening-statement.ts'
import { writeRegistration } from './registration-parts.ts'
import { PASSWORD, toFactorConditions, toPasskeyConditions, writeSignIn } from './sign-in-parts.ts'

/** What the client has proven. The statement compares it with what the account demands now. */
export type SignInProof =
  | {
      /** The stored hash that the password was checked against. */
      passwordHash: string
      /** A factor, with the id of the challenge that it completes. The session opens only if both still count. */
      factor?: FactorUse & { challenge: string }
    }
  | {
      /** A passkey, which has verified its user: no password is needed. */
      passkey: FactorUse
    }
  | {
      /** The statement inserts the account too, if its address is free. */
      newAccount: NewAccount
    }

/** `mailDevice`: the browser of the client, if this server knows it. */
type NewAccount = ProfileColumns & { password: string; mailDevice: string | null }

type Options = {
  sessionSeconds: number
  needsVerification: boolean
  canMail: boolean
  mailsSignIns: boolean
}

type ProofValues = Record<string, unknown> & { amr: string; provesFactor: boolean }

/** Returns a function that chooses the statement for a proof, with the values of the proof in it. */
export function prepareStatements({ sessionSeconds, canMail, ...options }: Options) {
  const prepare = (parts: ProofParts) => prepareOpening(parts, sessionSeconds)
  const asNewAccount = prepare(writeRegistration({ canMail }))
  const byPassword = prepare(writeSignIn(PASSWORD, options))
  const byFactor = once((uses: SQL[]) => prepare(writeSignIn(toFactorConditions(uses), options)))
  const byPasskey = once((uses: SQL[]) => prepare(writeSignIn(toPasskeyConditions(uses), options)))

  return (proof: SignInProof): { statement: Opening; values: ProofValues } => {
    if ('newAccount' in proof)
      return { statement: asNewAccount, values: { ...proof.newAccount, ...BY_PASSWORD } }
    if ('passkey' in proof) {
      return { statement: byPasskey(proof.passkey.uses), values: toFactorValues(proof.passkey) }
    }
    const { passwordHash, factor } = proof
    if (!factor) return { statement: byPassword, values: { passwordHash, ...BY_PASSWORD } }
    const { amr, ...values } = toFactorValues(factor)
    const challenge = toChallengeRowId(factor.challenge)
    return {
      statement: byFactor(factor.uses),
      values: { ...values, passwordHash, challenge, amr: `pwd ${amr}`.trim() },
    }
  }
}

const BY_PASSWORD = { amr: 'pwd', provesFactor: false }

const toFactorValues = ({ values, amr, isRecovery }: FactorUse): ProofValues => ({
  ...values,
  amr: amr.join(' '),
  provesFactor: !isRecovery,
})

/** Remembers the result for each argument, of which there are few. */
function once<Key extends object, Value>(create: (key: Key) => Value) {
  const known = new Map<Key, Value>()
  return (key: Key) => {
    const value = known.get(key) ?? create(key)
    known.set(key, value)
    return value
  }
}
