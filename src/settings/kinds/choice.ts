import { kind, refuse } from './kind.ts'

const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' })

/** One of several words. */
export const choice = <const Word extends string>(words: readonly Word[]) =>
  kind((text) => words.find((word) => word === text) ?? refuse(`must be ${OR.format(words)}`))

export const Toggle = choice(['true', 'false']).transform((word) => word === 'true')
