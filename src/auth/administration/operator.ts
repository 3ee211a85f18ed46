import { type Caller, NO_CLIENT } from '../../contract/caller.ts'
import { type Administrator, OPERATOR } from '../../contract/permissions.ts'

type UseCase<Input, Output> = (input: Input, caller: Caller, administrator: Administrator) => Output
/** The same use cases as commands call them. */
type OfOperator<UseCases> = {
  [Name in keyof UseCases]: UseCases[Name] extends UseCase<infer Input, infer Output>
    ? (input: Input) => Promise<Awaited<Output>>
    : never
}

/** A command comes from no client and presents no credential. */
const NO_CALLER: Caller = {
  client: NO_CLIENT,
  isAdmitted: true,
  bearer: null,
  cookie: null,
  presentedKey: null,
  identify: async () => null,
  view: () => null,
  findService: () => null,
  keepSecret: () => {},
  keepDevice: () => {},
  forgetSecret: () => {},
  forgetAll: () => {},
}

/** The operations of administration for the operator of the server, who needs no permission. */
export function actAsOperator<UseCases extends object>(useCases: UseCases): OfOperator<UseCases> {
  const acts = Object.entries(useCases as Record<string, UseCase<unknown, unknown>>).map(([name, act]) => [
    name,
    async (input: unknown) => act(input, NO_CALLER, OPERATOR),
  ])
  return Object.fromEntries(acts) as OfOperator<UseCases>
}
