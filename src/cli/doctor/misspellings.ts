import { distance } from 'fastest-levenshtein'
import { ENV_NAMES } from '../../env.ts'
import type { Environment } from '../support/with-service.ts'
import { note, type Verdict } from './verdict.ts'

/** Shorter names are too often those of other programs. */
const MIN_CHARACTERS = 7
/** One in this many characters may differ. */
const CHARACTERS_PER_DIFFERENCE = 4

/** Variables that are no settings, and that are written almost like one that is not set. They have no effect. */
export function findMisspellings(environment: Environment): Verdict[] {
  const missing = ENV_NAMES.filter((name) => !environment[name] && name.length >= MIN_CHARACTERS)
  return Object.keys(environment).flatMap((name) => {
    if (name.length < MIN_CHARACTERS || ENV_NAMES.some((known) => known === name)) return []
    const meant = missing.find(
      (known) => distance(name.toUpperCase(), known) <= known.length / CHARACTERS_PER_DIFFERENCE,
    )
    return meant ? [note(`${name} is no setting, and has no effect`, `If you mean ${meant}, rename it.`)] : []
  })
}
