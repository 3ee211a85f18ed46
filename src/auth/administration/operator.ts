import { type Act, BY_OPERATOR } from '../../contract/administrator.ts'

type UseCase<Input, Output> = (input: Input, act: Act) => Output
/** The same use cases as commands call them. */
type OfOperator<UseCases> = {
  [Name in keyof UseCases]: UseCases[Name] extends UseCase<infer Input, infer Output>
    ? (input: Input) => Promise<Awaited<Output>>
    : never
}

/** The operations of administration for the operator of the server, who needs no permission. */
export function actAsOperator<UseCases extends object>(useCases: UseCases): OfOperator<UseCases> {
  const acts = Object.entries(useCases as Record<string, UseCase<unknown, unknown>>).map(
    ([name, perform]) => [name, async (input: unknown) => perform(input, BY_OPERATOR)],
  )
  return Object.fromEntries(acts) as OfOperator<UseCases>
}
