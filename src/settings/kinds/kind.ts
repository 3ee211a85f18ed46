import { z } from 'zod'

/** A value that cannot work. The message completes "NAME: …" and says what works; it never repeats the value. */
class UnusableValue extends Error {}

/** Refuses a value, with a sentence that begins with a verb: "must be …". */
export function refuse(sentence: string): never {
  throw new UnusableValue(sentence)
}

/** A kind of value: a function that parses the text of a setting, or refuses it. */
export function kind<T>(parse: (text: string) => T) {
  return z.string().transform((text, context) => report(context, '', () => parse(text)))
}

/** A comma-separated list of one kind of value. Each item that cannot work is reported by its number. */
export function listOf<T>(parse: (item: string) => T) {
  return z.string().transform((text, context) => {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean)
    if (text && items.length === 0) report(context, '', () => refuse('is a list without an item: remove it'))
    const prefix = (index: number) => (items.length > 1 ? `item ${index + 1} ` : '')
    return items.map((item, index) => report(context, prefix(index), () => parse(item), hintFor(item)))
  })
}

/** What cannot be an item is perhaps a list in another notation. */
const hintFor = (item: string) =>
  /[;|"']|\S\s/.test(item) ? '. A list has commas between its items, and no other signs' : ''

function report<T>(context: z.RefinementCtx, prefix: string, parse: () => T, hint = ''): T {
  try {
    return parse()
  } catch (fault) {
    if (!(fault instanceof UnusableValue)) throw fault
    context.addIssue({
      code: 'custom',
      message: prefix + fault.message + (fault.message.includes('commas') ? '' : hint),
    })
    return z.NEVER
  }
}
