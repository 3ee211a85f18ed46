/* eslint-disable */
import * as types from './graphql';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "mutation AddPasskey($input: AddPasskeyInput!) {\n  addPasskey(input: $input) {\n    ...PasskeyFields\n  }\n}": typeof types.AddPasskeyDocument,
    "mutation BeginPasskey {\n  beginPasskey {\n    ...CeremonyFields\n  }\n}": typeof types.BeginPasskeyDocument,
    "mutation BeginPasskeyLogin {\n  beginPasskeyLogin {\n    ...CeremonyFields\n  }\n}": typeof types.BeginPasskeyLoginDocument,
    "mutation BeginTotp {\n  beginTotp {\n    id\n    secret\n    uri\n    expiresAt\n  }\n}": typeof types.BeginTotpDocument,
    "mutation CancelEmailChange($input: CancelEmailChangeInput!) {\n  cancelEmailChange(input: $input)\n}": typeof types.CancelEmailChangeDocument,
    "mutation ChangePassword($input: ChangePasswordInput!) {\n  changePassword(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.ChangePasswordDocument,
    "mutation CompleteLogin($input: CompleteLoginInput!) {\n  completeLogin(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.CompleteLoginDocument,
    "mutation ConfirmTotp($input: ConfirmTotpInput!) {\n  confirmTotp(input: $input) {\n    codes\n  }\n}": typeof types.ConfirmTotpDocument,
    "mutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}": typeof types.DeleteMeDocument,
    "query Events($first: Int, $after: ID) {\n  events(first: $first, after: $after) {\n    id\n    kind\n    count\n    createdAt\n    lastAt\n    ipAddress\n    userAgent\n  }\n}": typeof types.EventsDocument,
    "query Factors {\n  factors {\n    id\n    kind\n    name\n    createdAt\n    lastUsedAt\n  }\n}": typeof types.FactorsDocument,
    "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  authenticatedAt\n  amr\n  acr\n  ipAddress\n  userAgent\n}\n\nfragment GrantFields on AuthPayload {\n  user {\n    ...UserFields\n  }\n  session {\n    ...SessionFields\n  }\n  accessToken\n  accessTokenExpiresAt\n  refreshToken\n}\n\nfragment CeremonyFields on PasskeyCeremony {\n  id\n  options\n  expiresAt\n}\n\nfragment PasskeyFields on Passkey {\n  id\n  name\n  isSynced\n  createdAt\n  lastUsedAt\n}": typeof types.UserFieldsFragmentDoc,
    "mutation Login($input: LoginInput!) {\n  login(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.LoginDocument,
    "mutation LoginWithPasskey($input: LoginWithPasskeyInput!) {\n  loginWithPasskey(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.LoginWithPasskeyDocument,
    "mutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}": typeof types.LogoutDocument,
    "query Me {\n  me {\n    ...UserFields\n  }\n}": typeof types.MeDocument,
    "query PasskeySignals {\n  passkeySignals {\n    rpId\n    userId\n    allAcceptedCredentialIds\n    name\n    displayName\n  }\n}": typeof types.PasskeySignalsDocument,
    "query Passkeys {\n  passkeys {\n    ...PasskeyFields\n  }\n}": typeof types.PasskeysDocument,
    "mutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.RefreshDocument,
    "mutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}": typeof types.RegisterDocument,
    "mutation RemoveFactor($id: ID!) {\n  removeFactor(id: $id)\n}": typeof types.RemoveFactorDocument,
    "mutation RemovePasskey($id: ID!) {\n  removePasskey(id: $id)\n}": typeof types.RemovePasskeyDocument,
    "mutation RenamePasskey($input: RenamePasskeyInput!) {\n  renamePasskey(input: $input) {\n    ...PasskeyFields\n  }\n}": typeof types.RenamePasskeyDocument,
    "mutation RenewRecoveryCodes {\n  renewRecoveryCodes {\n    codes\n  }\n}": typeof types.RenewRecoveryCodesDocument,
    "mutation ReportSignIn($input: ReportSignInInput!) {\n  reportSignIn(input: $input)\n}": typeof types.ReportSignInDocument,
    "mutation RequestEmailVerification($input: RequestEmailVerificationInput) {\n  requestEmailVerification(input: $input)\n}": typeof types.RequestEmailVerificationDocument,
    "mutation RequestFactorRecovery($input: RequestFactorRecoveryInput!) {\n  requestFactorRecovery(input: $input) {\n    endsAt\n  }\n}": typeof types.RequestFactorRecoveryDocument,
    "mutation RequestPasswordReset($input: RequestPasswordResetInput!) {\n  requestPasswordReset(input: $input)\n}": typeof types.RequestPasswordResetDocument,
    "mutation ResetPassword($input: ResetPasswordInput!) {\n  resetPassword(input: $input)\n}": typeof types.ResetPasswordDocument,
    "mutation RevokeOtherSessions {\n  revokeOtherSessions\n}": typeof types.RevokeOtherSessionsDocument,
    "mutation RevokeSession($id: ID!) {\n  revokeSession(id: $id)\n}": typeof types.RevokeSessionDocument,
    "query Sessions {\n  sessions {\n    ...SessionFields\n  }\n}": typeof types.SessionsDocument,
    "mutation StepUp($input: StepUpInput!) {\n  stepUp(input: $input) {\n    ...GrantFields\n  }\n}": typeof types.StepUpDocument,
    "mutation UndoEmailChange($input: UndoEmailChangeInput!) {\n  undoEmailChange(input: $input)\n}": typeof types.UndoEmailChangeDocument,
    "mutation UndoFactorChange($input: UndoFactorChangeInput!) {\n  undoFactorChange(input: $input)\n}": typeof types.UndoFactorChangeDocument,
    "mutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}": typeof types.UpdateMeDocument,
    "mutation VerifyEmail($input: VerifyEmailInput!) {\n  verifyEmail(input: $input)\n}": typeof types.VerifyEmailDocument,
};
const documents: Documents = {
    "mutation AddPasskey($input: AddPasskeyInput!) {\n  addPasskey(input: $input) {\n    ...PasskeyFields\n  }\n}": types.AddPasskeyDocument,
    "mutation BeginPasskey {\n  beginPasskey {\n    ...CeremonyFields\n  }\n}": types.BeginPasskeyDocument,
    "mutation BeginPasskeyLogin {\n  beginPasskeyLogin {\n    ...CeremonyFields\n  }\n}": types.BeginPasskeyLoginDocument,
    "mutation BeginTotp {\n  beginTotp {\n    id\n    secret\n    uri\n    expiresAt\n  }\n}": types.BeginTotpDocument,
    "mutation CancelEmailChange($input: CancelEmailChangeInput!) {\n  cancelEmailChange(input: $input)\n}": types.CancelEmailChangeDocument,
    "mutation ChangePassword($input: ChangePasswordInput!) {\n  changePassword(input: $input) {\n    ...GrantFields\n  }\n}": types.ChangePasswordDocument,
    "mutation CompleteLogin($input: CompleteLoginInput!) {\n  completeLogin(input: $input) {\n    ...GrantFields\n  }\n}": types.CompleteLoginDocument,
    "mutation ConfirmTotp($input: ConfirmTotpInput!) {\n  confirmTotp(input: $input) {\n    codes\n  }\n}": types.ConfirmTotpDocument,
    "mutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}": types.DeleteMeDocument,
    "query Events($first: Int, $after: ID) {\n  events(first: $first, after: $after) {\n    id\n    kind\n    count\n    createdAt\n    lastAt\n    ipAddress\n    userAgent\n  }\n}": types.EventsDocument,
    "query Factors {\n  factors {\n    id\n    kind\n    name\n    createdAt\n    lastUsedAt\n  }\n}": types.FactorsDocument,
    "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  authenticatedAt\n  amr\n  acr\n  ipAddress\n  userAgent\n}\n\nfragment GrantFields on AuthPayload {\n  user {\n    ...UserFields\n  }\n  session {\n    ...SessionFields\n  }\n  accessToken\n  accessTokenExpiresAt\n  refreshToken\n}\n\nfragment CeremonyFields on PasskeyCeremony {\n  id\n  options\n  expiresAt\n}\n\nfragment PasskeyFields on Passkey {\n  id\n  name\n  isSynced\n  createdAt\n  lastUsedAt\n}": types.UserFieldsFragmentDoc,
    "mutation Login($input: LoginInput!) {\n  login(input: $input) {\n    ...GrantFields\n  }\n}": types.LoginDocument,
    "mutation LoginWithPasskey($input: LoginWithPasskeyInput!) {\n  loginWithPasskey(input: $input) {\n    ...GrantFields\n  }\n}": types.LoginWithPasskeyDocument,
    "mutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}": types.LogoutDocument,
    "query Me {\n  me {\n    ...UserFields\n  }\n}": types.MeDocument,
    "query PasskeySignals {\n  passkeySignals {\n    rpId\n    userId\n    allAcceptedCredentialIds\n    name\n    displayName\n  }\n}": types.PasskeySignalsDocument,
    "query Passkeys {\n  passkeys {\n    ...PasskeyFields\n  }\n}": types.PasskeysDocument,
    "mutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    ...GrantFields\n  }\n}": types.RefreshDocument,
    "mutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}": types.RegisterDocument,
    "mutation RemoveFactor($id: ID!) {\n  removeFactor(id: $id)\n}": types.RemoveFactorDocument,
    "mutation RemovePasskey($id: ID!) {\n  removePasskey(id: $id)\n}": types.RemovePasskeyDocument,
    "mutation RenamePasskey($input: RenamePasskeyInput!) {\n  renamePasskey(input: $input) {\n    ...PasskeyFields\n  }\n}": types.RenamePasskeyDocument,
    "mutation RenewRecoveryCodes {\n  renewRecoveryCodes {\n    codes\n  }\n}": types.RenewRecoveryCodesDocument,
    "mutation ReportSignIn($input: ReportSignInInput!) {\n  reportSignIn(input: $input)\n}": types.ReportSignInDocument,
    "mutation RequestEmailVerification($input: RequestEmailVerificationInput) {\n  requestEmailVerification(input: $input)\n}": types.RequestEmailVerificationDocument,
    "mutation RequestFactorRecovery($input: RequestFactorRecoveryInput!) {\n  requestFactorRecovery(input: $input) {\n    endsAt\n  }\n}": types.RequestFactorRecoveryDocument,
    "mutation RequestPasswordReset($input: RequestPasswordResetInput!) {\n  requestPasswordReset(input: $input)\n}": types.RequestPasswordResetDocument,
    "mutation ResetPassword($input: ResetPasswordInput!) {\n  resetPassword(input: $input)\n}": types.ResetPasswordDocument,
    "mutation RevokeOtherSessions {\n  revokeOtherSessions\n}": types.RevokeOtherSessionsDocument,
    "mutation RevokeSession($id: ID!) {\n  revokeSession(id: $id)\n}": types.RevokeSessionDocument,
    "query Sessions {\n  sessions {\n    ...SessionFields\n  }\n}": types.SessionsDocument,
    "mutation StepUp($input: StepUpInput!) {\n  stepUp(input: $input) {\n    ...GrantFields\n  }\n}": types.StepUpDocument,
    "mutation UndoEmailChange($input: UndoEmailChangeInput!) {\n  undoEmailChange(input: $input)\n}": types.UndoEmailChangeDocument,
    "mutation UndoFactorChange($input: UndoFactorChangeInput!) {\n  undoFactorChange(input: $input)\n}": types.UndoFactorChangeDocument,
    "mutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}": types.UpdateMeDocument,
    "mutation VerifyEmail($input: VerifyEmailInput!) {\n  verifyEmail(input: $input)\n}": types.VerifyEmailDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation AddPasskey($input: AddPasskeyInput!) {\n  addPasskey(input: $input) {\n    ...PasskeyFields\n  }\n}"): typeof import('./graphql').AddPasskeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation BeginPasskey {\n  beginPasskey {\n    ...CeremonyFields\n  }\n}"): typeof import('./graphql').BeginPasskeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation BeginPasskeyLogin {\n  beginPasskeyLogin {\n    ...CeremonyFields\n  }\n}"): typeof import('./graphql').BeginPasskeyLoginDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation BeginTotp {\n  beginTotp {\n    id\n    secret\n    uri\n    expiresAt\n  }\n}"): typeof import('./graphql').BeginTotpDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation CancelEmailChange($input: CancelEmailChangeInput!) {\n  cancelEmailChange(input: $input)\n}"): typeof import('./graphql').CancelEmailChangeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation ChangePassword($input: ChangePasswordInput!) {\n  changePassword(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').ChangePasswordDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation CompleteLogin($input: CompleteLoginInput!) {\n  completeLogin(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').CompleteLoginDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation ConfirmTotp($input: ConfirmTotpInput!) {\n  confirmTotp(input: $input) {\n    codes\n  }\n}"): typeof import('./graphql').ConfirmTotpDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}"): typeof import('./graphql').DeleteMeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Events($first: Int, $after: ID) {\n  events(first: $first, after: $after) {\n    id\n    kind\n    count\n    createdAt\n    lastAt\n    ipAddress\n    userAgent\n  }\n}"): typeof import('./graphql').EventsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Factors {\n  factors {\n    id\n    kind\n    name\n    createdAt\n    lastUsedAt\n  }\n}"): typeof import('./graphql').FactorsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  authenticatedAt\n  amr\n  acr\n  ipAddress\n  userAgent\n}\n\nfragment GrantFields on AuthPayload {\n  user {\n    ...UserFields\n  }\n  session {\n    ...SessionFields\n  }\n  accessToken\n  accessTokenExpiresAt\n  refreshToken\n}\n\nfragment CeremonyFields on PasskeyCeremony {\n  id\n  options\n  expiresAt\n}\n\nfragment PasskeyFields on Passkey {\n  id\n  name\n  isSynced\n  createdAt\n  lastUsedAt\n}"): typeof import('./graphql').UserFieldsFragmentDoc;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation Login($input: LoginInput!) {\n  login(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').LoginDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation LoginWithPasskey($input: LoginWithPasskeyInput!) {\n  loginWithPasskey(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').LoginWithPasskeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}"): typeof import('./graphql').LogoutDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Me {\n  me {\n    ...UserFields\n  }\n}"): typeof import('./graphql').MeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query PasskeySignals {\n  passkeySignals {\n    rpId\n    userId\n    allAcceptedCredentialIds\n    name\n    displayName\n  }\n}"): typeof import('./graphql').PasskeySignalsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Passkeys {\n  passkeys {\n    ...PasskeyFields\n  }\n}"): typeof import('./graphql').PasskeysDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').RefreshDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}"): typeof import('./graphql').RegisterDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RemoveFactor($id: ID!) {\n  removeFactor(id: $id)\n}"): typeof import('./graphql').RemoveFactorDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RemovePasskey($id: ID!) {\n  removePasskey(id: $id)\n}"): typeof import('./graphql').RemovePasskeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RenamePasskey($input: RenamePasskeyInput!) {\n  renamePasskey(input: $input) {\n    ...PasskeyFields\n  }\n}"): typeof import('./graphql').RenamePasskeyDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RenewRecoveryCodes {\n  renewRecoveryCodes {\n    codes\n  }\n}"): typeof import('./graphql').RenewRecoveryCodesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation ReportSignIn($input: ReportSignInInput!) {\n  reportSignIn(input: $input)\n}"): typeof import('./graphql').ReportSignInDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RequestEmailVerification($input: RequestEmailVerificationInput) {\n  requestEmailVerification(input: $input)\n}"): typeof import('./graphql').RequestEmailVerificationDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RequestFactorRecovery($input: RequestFactorRecoveryInput!) {\n  requestFactorRecovery(input: $input) {\n    endsAt\n  }\n}"): typeof import('./graphql').RequestFactorRecoveryDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RequestPasswordReset($input: RequestPasswordResetInput!) {\n  requestPasswordReset(input: $input)\n}"): typeof import('./graphql').RequestPasswordResetDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation ResetPassword($input: ResetPasswordInput!) {\n  resetPassword(input: $input)\n}"): typeof import('./graphql').ResetPasswordDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RevokeOtherSessions {\n  revokeOtherSessions\n}"): typeof import('./graphql').RevokeOtherSessionsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RevokeSession($id: ID!) {\n  revokeSession(id: $id)\n}"): typeof import('./graphql').RevokeSessionDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Sessions {\n  sessions {\n    ...SessionFields\n  }\n}"): typeof import('./graphql').SessionsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation StepUp($input: StepUpInput!) {\n  stepUp(input: $input) {\n    ...GrantFields\n  }\n}"): typeof import('./graphql').StepUpDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation UndoEmailChange($input: UndoEmailChangeInput!) {\n  undoEmailChange(input: $input)\n}"): typeof import('./graphql').UndoEmailChangeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation UndoFactorChange($input: UndoFactorChangeInput!) {\n  undoFactorChange(input: $input)\n}"): typeof import('./graphql').UndoFactorChangeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}"): typeof import('./graphql').UpdateMeDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation VerifyEmail($input: VerifyEmailInput!) {\n  verifyEmail(input: $input)\n}"): typeof import('./graphql').VerifyEmailDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
