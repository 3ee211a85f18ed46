export type Attributes = Readonly<Record<string, string | number>>

/** Runs work inside a span of the current trace. Name and attributes must contain no personal data and no input. */
export type Span = <T>(name: string, attributes: Attributes, work: () => PromiseLike<T>) => Promise<T>
