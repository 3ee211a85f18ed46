import type { Caller } from '../../contract/caller.ts'
import { operations } from '../../contract/operations.ts'
import { AuthError } from '../../errors.ts'
import { toNetwork } from '../throttle/networks.ts'
import { type UseCase, wrapUseCases } from '../use-cases.ts'
import { createAdmission } from './admission.ts'
import { createPace } from './pace.ts'

/** How many operations run or wait at once, without `me`. A busy database takes half a second for them. */
export const MAX_OPERATIONS = 500
/** The share of them that one network can hold. */
export const MAX_OPERATIONS_SHARE = 1 / 2
/**
 * How long an operation waits for its start beside many answers from the session cache. Of each network, only as many
 * wait as start within half of this time at the present pace, so that few of them wait in vain.
 */
export const MAX_START_MS = 500
/**
 * For how many answers from the session cache an operation starts, and a refusal or another answer is sent. An operation
 * takes the event loop for about as long as 60 answers, and the hash of a sign-in a core for 500. A refusal takes as long as 4.
 */
const ANSWERS_PER_OPERATION = 400
const ANSWERS_PER_REFUSAL = 10
/** How long a refusal waits at least, so that few clients that try again at once cost little. */
export const MIN_REFUSAL_MS = 180
/** How many are sent in a millisecond of rest. Operations fill it, but refusals must leave them the most of it. */
const REFUSALS_PER_IDLE_MS = 8
/** An answer whose work took longer counts as several refusals. A pause of the thread looks like work, so there is a maximum. */
const MS_PER_REFUSAL = 0.05
const MAX_REFUSALS_PER_ANSWER = 100

type Options = {
  /** Without limits, as in a load test, one network may hold all. */
  isShared: boolean
  /** How many answers the session cache has given since the start. */
  countCachedAnswers: () => number
}

/**
 * Limits all operations but `me`, so that a flood of them leaves about half of the processor to answers from the session
 * cache. All other answers wait for a turn: a client that tries again immediately must not keep the server busy.
 */
export function limitOperations<UseCases extends Record<string, UseCase>>(
  useCases: UseCases,
  { isShared, countCachedAnswers }: Options,
) {
  const maxShare = isShared ? MAX_OPERATIONS_SHARE : 1
  /** What operations have looked up in the session cache by themselves, mostly at their start, is no answer. */
  let ownLookUps = 0
  const countAnswers = () => countCachedAnswers() - ownLookUps
  const starts = createPace(countAnswers, ANSWERS_PER_OPERATION, { maxWaitMs: MAX_START_MS })
  const turns = createPace(countAnswers, ANSWERS_PER_REFUSAL, { idleStartsPerMs: REFUSALS_PER_IDLE_MS })
  const limitTo = (maxPerNetwork: () => number) =>
    createAdmission({ maxOperations: () => MAX_OPERATIONS, maxPerNetwork })
  const all = limitTo(() => MAX_OPERATIONS * maxShare)
  const waiting = limitTo(() => starts.countStarts(MAX_START_MS / 2) * maxShare)
  const networkOf = ({ client }: Caller) => toNetwork(client.ipAddress)

  function start(act: UseCase, input: never, caller: Caller) {
    caller.isAdmitted = true
    const before = countCachedAnswers()
    try {
      return act(input, caller)
    } finally {
      ownLookUps += countCachedAnswers() - before
    }
  }

  async function waitForStart(network: string) {
    waiting.enter(network)
    try {
      if (!(await starts.waitForStart(network))) throw BUSY
    } finally {
      waiting.leave(network)
    }
  }

  /** @param since when the operation arrived. One that is given up has waited long enough. */
  async function refuse(fault: AuthError, caller: Caller, since = performance.now()): Promise<never> {
    caller.isAdmitted = false
    await Bun.sleep(Math.max(0, since + MIN_REFUSAL_MS - performance.now()))
    throw fault
  }

  function limit(act: UseCase): UseCase {
    return async (input, caller) => {
      const since = performance.now()
      const network = networkOf(caller)
      try {
        all.enter(network)
        try {
          await waitForStart(network)
          return await start(act, input, caller)
        } finally {
          all.leave(network)
        }
      } catch (fault) {
        if (fault instanceof AuthError && fault.code === BUSY.code) await refuse(fault, caller, since)
        throw fault
      }
    }
  }

  return {
    useCases: wrapUseCases(useCases, (act, operation) => (operation === operations.me ? act : limit(act))),
    /**
     * Refuses an operation before its input is parsed, if it would be refused anyway.
     * @returns a promise that rejects with `SERVICE_UNAVAILABLE`, otherwise undefined
     */
    refuseIfBusy(caller: Caller) {
      const network = networkOf(caller)
      return all.isFull(network) || waiting.isFull(network) ? refuse(BUSY, caller) : undefined
    },
    /**
     * Lets an answer wait for its turn beside many answers from the session cache.
     * @param workMs how long its work took
     * @returns undefined if it need not wait
     */
    waitForTurn(ipAddress: string | null, workMs: number, client?: AbortSignal) {
      const cost = Math.min(Math.max(workMs / MS_PER_REFUSAL, 1), MAX_REFUSALS_PER_ANSWER)
      return turns.tryStart(cost) ? undefined : turns.waitForStart(toNetwork(ipAddress), cost, client)
    },
  }
}

/** One object for all refusals, because to create an error takes longer than most of a refusal. */
const BUSY = new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
