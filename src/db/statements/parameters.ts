import { is, Param, Placeholder, sql } from 'drizzle-orm'

type Values = Record<string, unknown>

/**
 * Returns a function that puts the values of the placeholders into the parameters of a statement. Drizzle finds out for each
 * execution what each parameter is.
 */
export function createParameters(params: unknown[]) {
  const places = params.map((param) => {
    if (is(param, Placeholder)) return { name: param.name }
    if (is(param, Param) && is(param.value, Placeholder))
      return { name: param.value.name, encoder: param.encoder }
    return { param }
  })
  return (values: Values): never[] =>
    places.map(({ name, encoder, param }) => {
      if (name === undefined) return param as never
      const value = values[name]
      if (value === undefined) throw new TypeError(`The placeholder "${name}" has no value`)
      return (encoder ? encoder.mapToDriverValue(value) : value) as never
    })
}

/** The place of a value in a statement. */
export const param = (name: string) => sql.placeholder(name)
