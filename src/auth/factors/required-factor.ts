import type { Caller, Viewer } from '../../contract/caller.ts'
import { needsRequiredFactor } from '../../contract/operation.ts'
import { proofRequired } from '../../errors.ts'
import { type UseCase, wrapUseCases } from '../use-cases.ts'

/**
 * For a server that requires a second factor: a session without one may enrol it, refresh and sign out, and nothing else.
 * @param sessionSeconds how long a session lives, and with it the proof of the factor
 */
export function requireFactor<UseCases extends Record<string, UseCase>>(
  useCases: UseCases,
  sessionSeconds: number,
): UseCases {
  function check(viewer: Viewer | null) {
    if (!viewer || viewer.hasFactor) return
    throw proofRequired({ acr: 'aal2', maxAge: sessionSeconds, methods: [] })
  }

  const guard = (act: UseCase) => (input: never, caller: Caller) => {
    const viewer = caller.view()
    if (viewer instanceof Promise) return viewer.then(check).then(() => act(input, caller))
    check(viewer)
    return act(input, caller)
  }

  return wrapUseCases(useCases, (act, operation) => (needsRequiredFactor(operation) ? guard(act) : act))
}
