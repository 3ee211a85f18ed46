/** The numbers that a stored hash names, such as `m`, `t` and `p`. */
export type Parameters = Readonly<Record<string, number>>

/**
 * The work of a verification. Amounts of one group can be compared and subtracted, and to spend an amount takes as
 * long as a verification that does it.
 */
export type Work = {
  group: string
  amount: number
  /** 0 for a kind that is not memory-hard. */
  memoryKib: number
  spend: (amount: number) => Promise<unknown>
}

/** `isBounded`: whether it is cheap enough to be verified at every attempt of an attacker. */
type Measure = { work: Work; isBounded: boolean }

/** A way to turn a password into a key, as systems use it that accounts are imported from. */
export type HashKind = {
  /** @returns null if the parameters are not valid */
  measure: (parameters: Parameters) => Measure | null
  derive: (password: string, salt: Buffer, parameters: Parameters) => Promise<Buffer>
}

/** Whether a parameter is a whole number within both bounds. */
export const isWithin = (value: number | undefined, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
