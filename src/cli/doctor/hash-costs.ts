import { COST_ADVICE, describeCost, MIN_NOTED_SECONDS } from '../support/hash-costs.ts'
import { good, note } from './verdict.ts'

/** Checks what imported hashes cost. A failed sign-in computes the dearest of each kind. */
export const checkHashCosts = (seconds: number) =>
  seconds < MIN_NOTED_SECONDS
    ? good('a failed sign-in costs little more than one hash')
    : note(describeCost(seconds), COST_ADVICE)
