import { kind, refuse } from './kind.ts'

/** Only digits: JavaScript would also read `1e3`, `0x10` and a blank as numbers, and no one writes them on purpose. */
export const wholeNumber = (min: number, max: number) => kind((text) => parseWholeNumber(text, min, max))

export function parseWholeNumber(text: string, min: number, max: number) {
  if (/^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text)
  return refuse(`must be a whole number from ${min} to ${max}, in digits and without a unit`)
}

/** A part of a whole, such as `0.1`. */
export const Share = kind((text) => {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) <= 1
    ? Number(text)
    : refuse('must be a number from 0 to 1, such as 0.1')
})
