import type { Caller, Viewer } from '../../contract/caller.ts'
import { needsRequiredFactor } from '../../contract/operation.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import type { Env } from '../../env.ts'
import { proofRequired } from '../../errors.ts'
import { type UseCase, wrapUseCases } from '../use-cases.ts'

/** Whether the account has a second factor, and the session has proven one. */
export const hasProvenFactor = (
  { secondFactorAt }: { secondFactorAt?: Time | null },
  { factorAt }: { factorAt: Time | null },
) => Boolean(secondFactorAt && factorAt)

export type RequiredFactor = ReturnType<typeof createRequiredFactor>

type Settings = Pick<Env, 'SECOND_FACTOR' | 'SESSION_MAX_SECONDS'>

/**
 * The rule of a server that requires a second factor: a session without one may enrol it, refresh and sign out, and nothing
 * else.
 */
export function createRequiredFactor({ SECOND_FACTOR, SESSION_MAX_SECONDS }: Settings) {
  const isRequired = SECOND_FACTOR === 'required'
  const isMissing = ({ hasFactor }: Pick<Viewer, 'hasFactor'>) => isRequired && !hasFactor

  /** @throws `REAUTHENTICATION_REQUIRED`. The proof of a factor counts as long as its session. */
  function refuseMissing(viewer: Viewer | null) {
    if (viewer && isMissing(viewer)) {
      throw proofRequired({ acr: 'aal2', maxAge: SESSION_MAX_SECONDS, methods: [] })
    }
  }

  const guard = (act: UseCase) => (input: never, caller: Caller) => {
    const viewer = caller.view()
    if (viewer instanceof Promise) return viewer.then(refuseMissing).then(() => act(input, caller))
    refuseMissing(viewer)
    return act(input, caller)
  }

  return {
    isRequired,
    isMissing,
    refuseMissing,
    guardUseCases: <UseCases extends Record<string, UseCase>>(useCases: UseCases) =>
      wrapUseCases(useCases, (act, operation) =>
        isRequired && needsRequiredFactor(operation) ? guard(act) : act,
      ),
  }
}
