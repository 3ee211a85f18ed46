/** Picks columns of a table or of a subquery by their names, for the list of a `select` or a `returning`. */
export const pick = <From, Name extends keyof From>(from: From, names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<From, Name>
