import type { Caller } from '../../contract/caller.ts'
import { AuthError } from '../../errors.ts'
import { createAdmission } from './admission.ts'
import { createPace } from './pace.ts'
import { toNetwork } from './places.ts'

type UseCase = (input: never, caller: Caller) => unknown

/** How many operations run or wait at once, without `me`. A busy database takes half a second for them. */
export const MAX_OPERATIONS = 500
/** The share of them that one network can hold. */
export const MAX_OPERATIONS_SHARE = 1 / 2
/**
 * For how many answers from the session cache an operation starts, and a refusal is sent. An operation takes the
 * processor for about as long as 60 answers, and a refusal as 2 to 4.
 */
const ANSWERS_PER_OPERATION = 200
const ANSWERS_PER_REFUSAL = 32

type Options = {
  /** Without limits, as in a load test, one network may hold all. */
  isShared: boolean
  /** How many answers the session cache has given since the start. */
  countCachedAnswers: () => number
}

/**
 * Limits all operations but `me`, so that a flood of them leaves half of the processor to answers from the session
 * cache. Refusals wait for their turn as well: a client that tries again immediately must not keep the server busy.
 */
export function limitOperations<UseCases extends Record<string, UseCase>>(
  useCases: UseCases,
  { isShared, countCachedAnswers }: Options,
): UseCases {
  const admit = createAdmission({
    maxOperations: MAX_OPERATIONS,
    maxPerNetwork: isShared ? MAX_OPERATIONS * MAX_OPERATIONS_SHARE : MAX_OPERATIONS,
  })
  const waitForStart = createPace(countCachedAnswers, ANSWERS_PER_OPERATION)
  const waitForRefusal = createPace(countCachedAnswers, ANSWERS_PER_REFUSAL)

  function limit(act: UseCase): UseCase {
    return async (input, caller) => {
      try {
        return await admit(toNetwork(caller.client.ipAddress), async () => {
          await waitForStart()
          return act(input, caller)
        })
      } catch (fault) {
        if (fault instanceof AuthError && fault.code === 'SERVICE_UNAVAILABLE') await waitForRefusal()
        throw fault
      }
    }
  }

  const limited = Object.entries(useCases).map(([name, act]) => [name, name === 'me' ? act : limit(act)])
  return Object.fromEntries(limited) as UseCases
}
