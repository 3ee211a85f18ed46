import type { AuthContext } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'

/**
 * An endpoint of Better-Auth whose work is called directly: it returns the function that acts with Better-Auth's context,
 * and `callDirectly` calls it once. Each call of an endpoint copies that context several times, which takes a tenth of
 * all that a sign-in takes besides its hash.
 */
export const createDirectEndpoint = <Input, Output>(
  act: (input: Input, context: AuthContext) => Promise<Output>,
) =>
  createAuthEndpoint.serverOnly(
    { method: 'POST' },
    async ({ context }) =>
      (input: Input) =>
        act(input, context),
  )

/** @param endpoint of `auth.api` */
export function callDirectly<Input, Output>(endpoint: () => Promise<(input: Input) => Promise<Output>>) {
  let known: ((input: Input) => Promise<Output>) | undefined
  return (input: Input) =>
    known
      ? known(input)
      : endpoint().then((act) => {
          known = act
          return act(input)
        })
}
