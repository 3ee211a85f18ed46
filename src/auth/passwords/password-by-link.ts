import type { Client } from '../../contract/caller.ts'
import { refusePersonal } from '../../contract/password.ts'
import type { Dependencies } from '../dependencies.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'

type Sent = {
  token: string
  purposes: TokenPurpose[]
  password: string
  /** The field of the password in the input. */
  path: string
}

type Parts = Pick<Dependencies, 'db' | 'mailedTokens' | 'passwords' | 'throttle'>

/** Hashes a new password that is sent with the token of a link. Nothing is hashed in the transaction that uses the token up. */
export const createPasswordByLink = ({ db, mailedTokens, passwords, throttle }: Parts) =>
  /**
   * @returns the address that the token is for, and the hash
   * @throws `INVALID_INPUT` for a weak password, `INVALID_TOKEN`, `TOO_MANY_REQUESTS`
   */
  async function hashByLink({ token, purposes, password, path }: Sent, client: Client) {
    passwords.refuseWeak(password, path)
    await throttle.countMailedToken(token, client)
    const { value: email } = await mailedTokens.peek(db, token, ...purposes)
    refusePersonal(password, email, path)
    return { email, passwordHash: await passwords.admit(client, () => passwords.hash(password)) }
  }
