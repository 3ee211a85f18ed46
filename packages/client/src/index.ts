export * from './generated/operations.ts'
export type { Operation } from './graphql.ts'
export {
  addPasskey,
  choosePasskey,
  hasPasskeys,
  offerPasskeys,
  removePasskey,
  signalPasskeys,
} from './passkeys.ts'
export {
  describeError,
  detailsOf,
  type ErrorDetails,
  isSessionOver,
  ServauthError,
  ServerFailure,
  type StepUp,
} from './rest.ts'
export { createSession, type Session as ServauthSession } from './session.ts'
