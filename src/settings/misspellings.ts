import { distance } from 'fastest-levenshtein'
import { type Name, SETTINGS } from './settings.ts'

/** Shorter names are too often those of other programs. */
const MIN_CHARACTERS = 7
/** One in this many characters may differ. */
const CHARACTERS_PER_DIFFERENCE = 4

const NAMES = Object.keys(SETTINGS) as Name[]

/** Variables that are no settings, and that are written almost like one that is not set. They have no effect. */
export function findMisspellings(environment: Record<string, string | undefined>) {
  const missing = NAMES.filter((name) => !environment[name] && name.length >= MIN_CHARACTERS)
  return Object.keys(environment).flatMap((name) => {
    if (name.length < MIN_CHARACTERS || name in SETTINGS) return []
    const [nearest] = missing
      .map((meant) => ({ meant, differences: distance(name.toUpperCase(), meant) }))
      .sort((one, other) => one.differences - other.differences)
    if (!nearest || nearest.differences > nearest.meant.length / CHARACTERS_PER_DIFFERENCE) return []
    return [{ name, meant: nearest.meant }]
  })
}
