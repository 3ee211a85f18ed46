import { createRequire } from 'node:module'
import { LRUCache } from 'lru-cache'
import { toLanguageTag } from '../settings/kinds/language.ts'

const require = createRequire(import.meta.url)

export type Languages = ReturnType<typeof createLanguages>

const MAX_REMEMBERED_TAGS = 500
/** Means "no language" to the library (ISO 639-2). */
const NONE = 'zxx'

/** The languages that mails are written in, as BCP 47. The first of them is for readers of any other. */
export function createLanguages(available: readonly string[]) {
  const [fallback = 'en'] = available
  // A look-up takes up to half a millisecond.
  const matches = new LRUCache<string, string>({ max: MAX_REMEMBERED_TAGS })

  /** The available language that a reader of another one understands best; undefined if there is none. */
  function match(tag: string) {
    const language = tag.split('-')[0] ?? ''
    // The usual case, without the library: it loads the relations of all languages.
    if (available.includes(tag)) return tag
    if (available.includes(language) && !available.some((other) => other.startsWith(`${language}-`)))
      return language
    const found = matches.get(tag) ?? matchBest(tag)
    matches.set(tag, found)
    return found === NONE ? undefined : found
  }

  function matchBest(tag: string) {
    const library = require('@formatjs/intl-localematcher') as typeof import('@formatjs/intl-localematcher')
    return library.match([tag], [...available], NONE)
  }

  return {
    /**
     * The first language of a client that mails can be written in, or in one that its readers understand. It keeps its
     * region, for dates. Null if there is none.
     */
    choose(preferred: readonly string[]): string | null {
      return (
        preferred.flatMap((given) => toLanguageTag(given) ?? []).find((tag) => match(tag) !== undefined) ??
        null
      )
    },

    /** The language of a mail to a reader of this one. */
    find: (locale: string | null) => (locale === null ? undefined : match(locale)) ?? fallback,
  }
}
