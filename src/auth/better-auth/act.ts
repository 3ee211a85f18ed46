import type { AuthContext } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'

/**
 * An endpoint of Better-Auth that returns a function, which acts with Better-Auth's context. `getAct` calls it once: each
 * call copies that context several times, which takes a tenth of all that a sign-in takes beside its hash.
 */
export const createActEndpoint = <Input, Output>(
  act: (input: Input, context: AuthContext) => Promise<Output>,
) =>
  createAuthEndpoint.serverOnly(
    { method: 'POST' },
    async ({ context }) =>
      (input: Input) =>
        act(input, context),
  )

/** @param endpoint of `auth.api` */
export function getAct<Input, Output>(endpoint: () => Promise<(input: Input) => Promise<Output>>) {
  let known: ((input: Input) => Promise<Output>) | undefined
  return async (input: Input) => {
    known ??= await endpoint()
    return known(input)
  }
}
