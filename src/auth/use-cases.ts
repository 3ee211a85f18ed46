import type { Caller } from '../contract/caller.ts'
import type { Operation } from '../contract/operation.ts'
import { type OperationName, operations } from '../contract/operations.ts'

/** Performs an operation. Only its definition knows the types. */
export type UseCase = (input: never, caller: Caller) => unknown

/** Wraps use cases, each by the definition of its operation. */
export function wrapUseCases<UseCases extends Record<string, UseCase>>(
  useCases: UseCases,
  wrap: (act: UseCase, operation: Operation) => UseCase,
): UseCases {
  const wrapped = Object.entries(useCases).map(([name, act]) => [
    name,
    wrap(act, operations[name as OperationName]),
  ])
  return Object.fromEntries(wrapped) as UseCases
}
