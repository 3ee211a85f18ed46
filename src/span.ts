export type Attributes = Readonly<Record<string, string | number>>

/**
 * Does a piece of work inside of a span of the trace under way. Name and attributes say what is done:
 * never to whom, and never with what.
 */
export type Span = <T>(name: string, attributes: Attributes, work: () => PromiseLike<T>) => Promise<T>
