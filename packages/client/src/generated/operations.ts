/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type AcceptInvitationInput = {
  /** Not one of the most used passwords, not the e-mail address, and not the part of it before the @. The server may require more characters. */
  password: string;
  /** The token of the mailed link. */
  token: string;
};

export type AddPasskeyInput = {
  /** The `id` of the ceremony that the browser has answered. */
  ceremony: string;
  name: string;
  /** What `toJSON()` of the browser’s `PublicKeyCredential` returns. */
  response: Record<string, unknown>;
};

export type CancelEmailChangeInput = {
  /** The token of the mailed link. */
  token: string;
};

export type ChangePasswordInput = {
  currentPassword: string;
  /** Not one of the most used passwords, not the e-mail address, and not the part of it before the @. The server may require more characters. */
  newPassword: string;
};

export type CompleteLoginInput = {
  /** The id of the challenge that the sign-in was answered with. */
  challenge: string;
  proof: FactorProof;
};

export type ConfirmTotpInput = {
  /** The six digits that the authenticator app shows. */
  code: string;
  id: string;
};

export type CreateServiceKeyInput = {
  /** ISO 8601. Without it, the key does not expire, or with the key that creates it. */
  expiresAt?: string | null | undefined;
  /** The service. It may have several keys, so that one can replace another. */
  name: string;
  /** What the service may do. The caller must hold all of these permissions. */
  scopes: Array<string>;
};

export type CreateUserInput = {
  /** Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is converted to punycode. The part before the @ is ASCII. */
  email: string;
  /** The language of the user’s mails, as a tag of BCP 47 such as `de-AT`. */
  locale?: string | null | undefined;
  roles?: Array<string> | null | undefined;
  username?: string | null | undefined;
};

export type DeleteMeInput = {
  /** Needed, unless the request has the cookie of a session that signed in within 15 minutes. */
  password?: string | null | undefined;
};

/** `PENDING`: it waits, or was tried and is tried again. `FAILED`: it was given up after three days. */
export type DeliveryStatus =
  | 'DELIVERED'
  | 'FAILED'
  | 'PENDING';

/** All given conditions must hold. */
export type EventFilter = {
  actorId?: string | null | undefined;
  /** Only what administrators and services did. */
  byAdministrators?: boolean | null | undefined;
  kind?: string | null | undefined;
  /** ISO 8601. */
  since?: string | null | undefined;
  /** ISO 8601. */
  until?: string | null | undefined;
  userId?: string | null | undefined;
};

/** `TOTP` is an authenticator app that shows six digits. */
export type FactorKind =
  | 'PASSKEY'
  | 'TOTP';

/** What proves a second factor. */
export type FactorProof =
  {   passkey: PasskeyProof; recoveryCode?: never; recoveryToken?: never; totp?: never; }
  |  { passkey?: never;   /** One of the recovery codes. Case, spaces and dashes do not matter. */
  recoveryCode: string; recoveryToken?: never; totp?: never; }
  |  { passkey?: never; recoveryCode?: never;   /** The token of the link that is mailed after the wait of `requestFactorRecovery`. For sign-ins only. */
  recoveryToken: string; totp?: never; }
  |  { passkey?: never; recoveryCode?: never; recoveryToken?: never;   /** The six digits that the authenticator app shows. */
  totp: string; };

export type InviteUserInput = {
  /** Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is converted to punycode. The part before the @ is ASCII. */
  email: string;
  roles?: Array<string> | null | undefined;
};

export type LoginInput = {
  /** Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is converted to punycode. The part before the @ is ASCII. */
  email: string;
  password: string;
  /** How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request. */
  transport?: SessionTransport | null | undefined;
};

export type LoginWithPasskeyInput = {
  /** The `id` of the ceremony that the browser has answered. */
  ceremony: string;
  /** What `toJSON()` of the browser’s `PublicKeyCredential` returns. */
  response: Record<string, unknown>;
  /** How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request. */
  transport?: SessionTransport | null | undefined;
};

export type LogoutInput = {
  /** Left out, the bearer or the cookie names the session. */
  refreshToken?: string | null | undefined;
};

/** All given conditions must hold. */
export type MailFilter = {
  kind?: string | null | undefined;
  /** The whole address. */
  recipient?: string | null | undefined;
  /** `SENT`: the mail server accepted it. `SKIPPED`: it was no longer wanted when its turn came. */
  status?: MailStatus | null | undefined;
};

/** `SENT`: the mail server accepted it. `SKIPPED`: it was no longer wanted when its turn came. */
export type MailStatus =
  | 'FAILED'
  | 'PENDING'
  | 'SENT'
  | 'SKIPPED';

/** A passkey that the user has chosen. */
export type PasskeyProof = {
  /** The `id` of the ceremony that the browser has answered. */
  ceremony: string;
  /** What `toJSON()` of the browser’s `PublicKeyCredential` returns. */
  response: Record<string, unknown>;
};

export type PutRoleInput = {
  name: string;
  /** Permissions of this server, and any that other services check. `*` is every permission. */
  permissions: Array<string>;
};

export type PutWebhookInput = {
  /** Whether it gets no events. Those that wait are kept for a week. Without it, the webhook is enabled. */
  disabled?: boolean | null | undefined;
  /** Ends all secrets but the newest. Otherwise the newest two sign, so that receivers can change over. */
  endFormerSecret?: boolean | null | undefined;
  /** The webhook to change. Without it, there is a new one. */
  id?: string | null | undefined;
  /** Makes a new secret of this kind. A new webhook without `secret` gets one of `HMAC` anyway. */
  newSecret?: WebhookSecretKind | null | undefined;
  /** A new secret that the caller has made, in the form of Standard Webhooks. */
  secret?: string | null | undefined;
  /** The types of events that it gets. Without them, it gets all. */
  types?: Array<string> | null | undefined;
  /** https, without a user. Its address must be in the internet, or in `WEBHOOK_NETWORKS`. */
  url: string;
};

export type RefreshInput = {
  /** Only with transport `TOKEN`; left out, the cookie is read. */
  refreshToken?: string | null | undefined;
};

export type RegisterInput = {
  /** Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is converted to punycode. The part before the @ is ASCII. */
  email: string;
  /** The language of the user’s mails, as a tag of BCP 47 such as `de-AT`. */
  locale?: string | null | undefined;
  /** Not one of the most used passwords, not the e-mail address, and not the part of it before the @. The server may require more characters. */
  password: string;
  /** How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request. */
  transport?: SessionTransport | null | undefined;
  username?: string | null | undefined;
};

export type RenamePasskeyInput = {
  id: string;
  name: string;
};

export type ReplayDeliveriesInput = {
  /** The `next` of the call before. */
  after?: string | null | undefined;
  /** The `id` of one delivery. One that waits for its next attempt is tried at once. */
  delivery?: string | null | undefined;
  /** All events from this moment on that were delivered or given up. Without it, those that were given up. */
  since?: string | null | undefined;
  /** Only events before this moment. */
  until?: string | null | undefined;
  webhookId: string;
};

export type ReportSignInInput = {
  /** Left out, the account gets a mail with a link that sets a new password. */
  newPassword?: string | null | undefined;
  /** The token of the mailed link. */
  token: string;
};

export type RequestEmailVerificationInput = {
  /** Left out, the link goes to the signed-in user. Upper and lower case are equal, and spaces around the address are ignored. */
  email?: string | null | undefined;
};

export type RequestFactorRecoveryInput = {
  challenge: string;
};

export type RequestPasswordResetInput = {
  /** Upper and lower case are equal, and spaces around the address are ignored. The domain may have any letters: it is converted to punycode. The part before the @ is ASCII. */
  email: string;
};

export type ResetPasswordInput = {
  /** Not one of the most used passwords, not the e-mail address, and not the part of it before the @. The server may require more characters. */
  newPassword: string;
  /** The token of the mailed link. */
  token: string;
};

/** How the secret of a session travels: in an HttpOnly cookie (the default), or in the answer and the request. */
export type SessionTransport =
  | 'COOKIE'
  | 'TOKEN';

export type SetUserClaimsInput = {
  /** At most 2 KiB of JSON. */
  claims: Record<string, unknown>;
  id: string;
};

export type SetUserRolesInput = {
  id: string;
  roles: Array<string>;
};

export type StartEmailChangeInput = {
  /** The new address; the present one cancels a change. */
  email: string;
  id: string;
};

export type StepUpInput = {
  password?: string | null | undefined;
  proof?: FactorProof | null | undefined;
};

export type SuspendUserInput = {
  id: string;
  /** ISO 8601, in the future. */
  until: string;
};

export type UndoEmailChangeInput = {
  /** Left out, the account gets a mail with a link that sets a new password. */
  newPassword?: string | null | undefined;
  /** The token of the mailed link. */
  token: string;
};

export type UndoFactorChangeInput = {
  /** The token of the mailed link. */
  token: string;
};

/** A field that is left out stays as it is; null clears it. */
export type UpdateMeInput = {
  currentPassword?: string | null | undefined;
  /** Needs `currentPassword`, or the cookie of a session that signed in within 15 minutes. */
  email?: string | null | undefined;
  /** The language of the user’s mails, as a tag of BCP 47 such as `de-AT`. */
  locale?: string | null | undefined;
  username?: string | null | undefined;
};

/** All given conditions must hold. */
export type UserFilter = {
  /** ISO 8601. */
  createdAfter?: string | null | undefined;
  /** ISO 8601. */
  createdBefore?: string | null | undefined;
  disabled?: boolean | null | undefined;
  /** Whether the account has a second factor. */
  factor?: boolean | null | undefined;
  role?: string | null | undefined;
  verified?: boolean | null | undefined;
};

/** `ADDRESS`: by the code points of the address, so the letters before the @ count first. */
export type UserOrder =
  | 'ADDRESS'
  | 'NEWEST'
  | 'OLDEST';

export type VerifyEmailInput = {
  /** The password of the account. Needed if the request has no session of the account. */
  password?: string | null | undefined;
  /** The token of the mailed link. */
  token: string;
};

/** All given conditions must hold. */
export type WebhookDeliveryFilter = {
  /** `PENDING`: it waits, or was tried and is tried again. `FAILED`: it was given up after three days. */
  status?: DeliveryStatus | null | undefined;
  webhookId?: string | null | undefined;
};

/** `HMAC` signs with `v1`: receivers need the same secret. `ED25519` signs with `v1a`: receivers need the public key. */
export type WebhookSecretKind =
  | 'ED25519'
  | 'HMAC';

export type AcceptInvitationMutationVariables = Exact<{
  input: AcceptInvitationInput;
}>;


export type AcceptInvitationMutation = { acceptInvitation: boolean };

export type AddPasskeyMutationVariables = Exact<{
  input: AddPasskeyInput;
}>;


export type AddPasskeyMutation = { addPasskey: { id: string, name: string | null, isSynced: boolean, createdAt: string, lastUsedAt: string | null } };

export type AuditEventsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  count?: boolean | null | undefined;
  filter?: EventFilter | null | undefined;
}>;


export type AuditEventsQuery = { auditEvents: { totalCount: number | null, edges: Array<{ cursor: string, node: { id: string, kind: string, count: number, createdAt: string, lastAt: string, ipAddress: string | null, userAgent: string | null, actorId: string | null, actorKey: string | null, detail: string | null, userId: string | null, requestId: string | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type BeginPasskeyMutationVariables = Exact<{ [key: string]: never; }>;


export type BeginPasskeyMutation = { beginPasskey: { id: string, options: Record<string, unknown>, expiresAt: string } };

export type BeginPasskeyLoginMutationVariables = Exact<{ [key: string]: never; }>;


export type BeginPasskeyLoginMutation = { beginPasskeyLogin: { id: string, options: Record<string, unknown>, expiresAt: string } };

export type BeginTotpMutationVariables = Exact<{ [key: string]: never; }>;


export type BeginTotpMutation = { beginTotp: { id: string, secret: string, uri: string, expiresAt: string } };

export type CancelEmailChangeMutationVariables = Exact<{
  input: CancelEmailChangeInput;
}>;


export type CancelEmailChangeMutation = { cancelEmailChange: boolean };

export type ChangePasswordMutationVariables = Exact<{
  input: ChangePasswordInput;
}>;


export type ChangePasswordMutation = { changePassword: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type ClearLoginWaitsMutationVariables = Exact<{
  id: string;
}>;


export type ClearLoginWaitsMutation = { clearLoginWaits: number };

export type CompleteLoginMutationVariables = Exact<{
  input: CompleteLoginInput;
}>;


export type CompleteLoginMutation = { completeLogin: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type ConfirmTotpMutationVariables = Exact<{
  input: ConfirmTotpInput;
}>;


export type ConfirmTotpMutation = { confirmTotp: { codes: Array<string> | null } };

export type CreateServiceKeyMutationVariables = Exact<{
  input: CreateServiceKeyInput;
}>;


export type CreateServiceKeyMutation = { createServiceKey: { key: string, serviceKey: { id: string, name: string, scopes: Array<string>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, valid: boolean } } };

export type CreateUserMutationVariables = Exact<{
  input: CreateUserInput;
}>;


export type CreateUserMutation = { createUser: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } };

export type DeleteMeMutationVariables = Exact<{
  input?: DeleteMeInput | null | undefined;
}>;


export type DeleteMeMutation = { deleteMe: boolean };

export type DeleteUserMutationVariables = Exact<{
  id: string;
}>;


export type DeleteUserMutation = { deleteUser: boolean };

export type DeleteWebhookMutationVariables = Exact<{
  id: string;
}>;


export type DeleteWebhookMutation = { deleteWebhook: boolean };

export type DisableUserMutationVariables = Exact<{
  id: string;
}>;


export type DisableUserMutation = { disableUser: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } };

export type EnableUserMutationVariables = Exact<{
  id: string;
}>;


export type EnableUserMutation = { enableUser: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } };

export type EndUserSessionMutationVariables = Exact<{
  id: string;
  sessionId: string;
}>;


export type EndUserSessionMutation = { endUserSession: boolean };

export type EndUserSessionsMutationVariables = Exact<{
  id: string;
}>;


export type EndUserSessionsMutation = { endUserSessions: number };

export type EventsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type EventsQuery = { events: Array<{ id: string, kind: string, count: number, createdAt: string, lastAt: string, ipAddress: string | null, userAgent: string | null, actorId: string | null, detail: string | null }> };

export type ExportMeQueryVariables = Exact<{ [key: string]: never; }>;


export type ExportMeQuery = { exportMe: Record<string, unknown> };

export type FactorsQueryVariables = Exact<{ [key: string]: never; }>;


export type FactorsQuery = { factors: Array<{ id: string, kind: FactorKind, name: string | null, createdAt: string, lastUsedAt: string | null }> };

export type UserFieldsFragment = { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string };

export type SessionFieldsFragment = { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null };

export type GrantFieldsFragment = { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } };

export type CeremonyFieldsFragment = { id: string, options: Record<string, unknown>, expiresAt: string };

export type PasskeyFieldsFragment = { id: string, name: string | null, isSynced: boolean, createdAt: string, lastUsedAt: string | null };

export type RoleFieldsFragment = { name: string, permissions: Array<string>, builtIn: boolean, changedAt: string | null };

export type ManagedUserFieldsFragment = { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null };

export type WaitFieldsFragment = { place: string, proof: string, failures: number, until: string };

export type AuditEventFieldsFragment = { id: string, kind: string, count: number, createdAt: string, lastAt: string, ipAddress: string | null, userAgent: string | null, actorId: string | null, actorKey: string | null, detail: string | null, userId: string | null, requestId: string | null };

export type MailFieldsFragment = { id: string, kind: string, recipient: string, userId: string | null, status: MailStatus, attempts: number, fault: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string };

export type ServiceKeyFieldsFragment = { id: string, name: string, scopes: Array<string>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, valid: boolean };

export type WebhookFieldsFragment = { id: string, url: string, types: Array<string> | null, ofSettings: boolean, disabledAt: string | null, fault: string | null, createdAt: string, secrets: Array<{ kind: WebhookSecretKind, publicKey: string | null }> };

export type WebhookDeliveryFieldsFragment = { id: string, webhookId: string, messageId: string, type: string, userId: string | null, status: DeliveryStatus, attempts: number, lastResult: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string };

export type InviteUserMutationVariables = Exact<{
  input: InviteUserInput;
}>;


export type InviteUserMutation = { inviteUser: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } };

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { login: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type LoginWaitsQueryVariables = Exact<{
  id: string;
}>;


export type LoginWaitsQuery = { loginWaits: Array<{ place: string, proof: string, failures: number, until: string }> };

export type LoginWithPasskeyMutationVariables = Exact<{
  input: LoginWithPasskeyInput;
}>;


export type LoginWithPasskeyMutation = { loginWithPasskey: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type LogoutMutationVariables = Exact<{
  input?: LogoutInput | null | undefined;
}>;


export type LogoutMutation = { logout: boolean };

export type MailsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  count?: boolean | null | undefined;
  filter?: MailFilter | null | undefined;
}>;


export type MailsQuery = { mails: { totalCount: number | null, edges: Array<{ cursor: string, node: { id: string, kind: string, recipient: string, userId: string | null, status: MailStatus, attempts: number, fault: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string } | null };

export type PasskeySignalsQueryVariables = Exact<{ [key: string]: never; }>;


export type PasskeySignalsQuery = { passkeySignals: { rpId: string, userId: string, allAcceptedCredentialIds: Array<string>, name: string, displayName: string, imported: Array<{ userId: string, allAcceptedCredentialIds: Array<string> }> } };

export type PasskeysQueryVariables = Exact<{ [key: string]: never; }>;


export type PasskeysQuery = { passkeys: Array<{ id: string, name: string | null, isSynced: boolean, createdAt: string, lastUsedAt: string | null }> };

export type PutRoleMutationVariables = Exact<{
  input: PutRoleInput;
}>;


export type PutRoleMutation = { putRole: { name: string, permissions: Array<string>, builtIn: boolean, changedAt: string | null } };

export type PutWebhookMutationVariables = Exact<{
  input: PutWebhookInput;
}>;


export type PutWebhookMutation = { putWebhook: { secret: string | null, webhook: { id: string, url: string, types: Array<string> | null, ofSettings: boolean, disabledAt: string | null, fault: string | null, createdAt: string, secrets: Array<{ kind: WebhookSecretKind, publicKey: string | null }> } } };

export type RefreshMutationVariables = Exact<{
  input?: RefreshInput | null | undefined;
}>;


export type RefreshMutation = { refresh: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type RegisterMutationVariables = Exact<{
  input: RegisterInput;
}>;


export type RegisterMutation = { register: { accessToken: string | null, accessTokenExpiresAt: string | null, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } | null } };

export type RemoveFactorMutationVariables = Exact<{
  id: string;
}>;


export type RemoveFactorMutation = { removeFactor: boolean };

export type RemovePasskeyMutationVariables = Exact<{
  id: string;
}>;


export type RemovePasskeyMutation = { removePasskey: boolean };

export type RemoveRoleMutationVariables = Exact<{
  name: string;
}>;


export type RemoveRoleMutation = { removeRole: boolean };

export type RenamePasskeyMutationVariables = Exact<{
  input: RenamePasskeyInput;
}>;


export type RenamePasskeyMutation = { renamePasskey: { id: string, name: string | null, isSynced: boolean, createdAt: string, lastUsedAt: string | null } };

export type RenewRecoveryCodesMutationVariables = Exact<{ [key: string]: never; }>;


export type RenewRecoveryCodesMutation = { renewRecoveryCodes: { codes: Array<string> | null } };

export type ReplayDeliveriesMutationVariables = Exact<{
  input: ReplayDeliveriesInput;
}>;


export type ReplayDeliveriesMutation = { replayDeliveries: { count: number, next: string | null } };

export type ReportSignInMutationVariables = Exact<{
  input: ReportSignInInput;
}>;


export type ReportSignInMutation = { reportSignIn: boolean };

export type RequestEmailVerificationMutationVariables = Exact<{
  input?: RequestEmailVerificationInput | null | undefined;
}>;


export type RequestEmailVerificationMutation = { requestEmailVerification: boolean };

export type RequestFactorRecoveryMutationVariables = Exact<{
  input: RequestFactorRecoveryInput;
}>;


export type RequestFactorRecoveryMutation = { requestFactorRecovery: { endsAt: string } };

export type RequestPasswordResetMutationVariables = Exact<{
  input: RequestPasswordResetInput;
}>;


export type RequestPasswordResetMutation = { requestPasswordReset: boolean };

export type ResendVerificationMutationVariables = Exact<{
  id: string;
}>;


export type ResendVerificationMutation = { resendVerification: boolean };

export type ResetPasswordMutationVariables = Exact<{
  input: ResetPasswordInput;
}>;


export type ResetPasswordMutation = { resetPassword: boolean };

export type RetryMailMutationVariables = Exact<{
  id: string;
}>;


export type RetryMailMutation = { retryMail: { id: string, kind: string, recipient: string, userId: string | null, status: MailStatus, attempts: number, fault: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string } };

export type RevokeOtherSessionsMutationVariables = Exact<{ [key: string]: never; }>;


export type RevokeOtherSessionsMutation = { revokeOtherSessions: number };

export type RevokeServiceKeyMutationVariables = Exact<{
  id: string;
}>;


export type RevokeServiceKeyMutation = { revokeServiceKey: boolean };

export type RevokeSessionMutationVariables = Exact<{
  id: string;
}>;


export type RevokeSessionMutation = { revokeSession: boolean };

export type RolesQueryVariables = Exact<{ [key: string]: never; }>;


export type RolesQuery = { roles: Array<{ name: string, permissions: Array<string>, builtIn: boolean, changedAt: string | null }> };

export type ServiceKeysQueryVariables = Exact<{ [key: string]: never; }>;


export type ServiceKeysQuery = { serviceKeys: Array<{ id: string, name: string, scopes: Array<string>, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, revokedAt: string | null, valid: boolean }> };

export type SessionsQueryVariables = Exact<{ [key: string]: never; }>;


export type SessionsQuery = { sessions: Array<{ id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null }> };

export type SetUserClaimsMutationVariables = Exact<{
  input: SetUserClaimsInput;
}>;


export type SetUserClaimsMutation = { setUserClaims: { id: string, claims: Record<string, unknown> } };

export type SetUserRolesMutationVariables = Exact<{
  input: SetUserRolesInput;
}>;


export type SetUserRolesMutation = { setUserRoles: { id: string, roles: Array<string> } };

export type StartEmailChangeMutationVariables = Exact<{
  input: StartEmailChangeInput;
}>;


export type StartEmailChangeMutation = { startEmailChange: boolean };

export type StartFactorRecoveryMutationVariables = Exact<{
  id: string;
}>;


export type StartFactorRecoveryMutation = { startFactorRecovery: { endsAt: string } };

export type StartPasswordResetMutationVariables = Exact<{
  id: string;
}>;


export type StartPasswordResetMutation = { startPasswordReset: boolean };

export type StepUpMutationVariables = Exact<{
  input: StepUpInput;
}>;


export type StepUpMutation = { stepUp: { accessToken: string, accessTokenExpiresAt: string, refreshToken: string | null, user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string }, session: { id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null } } };

export type SuspendUserMutationVariables = Exact<{
  input: SuspendUserInput;
}>;


export type SuspendUserMutation = { suspendUser: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } };

export type TestWebhookMutationVariables = Exact<{
  id: string;
}>;


export type TestWebhookMutation = { testWebhook: { id: string, webhookId: string, messageId: string, type: string, userId: string | null, status: DeliveryStatus, attempts: number, lastResult: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string } };

export type UndoEmailChangeMutationVariables = Exact<{
  input: UndoEmailChangeInput;
}>;


export type UndoEmailChangeMutation = { undoEmailChange: boolean };

export type UndoFactorChangeMutationVariables = Exact<{
  input: UndoFactorChangeInput;
}>;


export type UndoFactorChangeMutation = { undoFactorChange: boolean };

export type UpdateMeMutationVariables = Exact<{
  input: UpdateMeInput;
}>;


export type UpdateMeMutation = { updateMe: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string } };

export type UserQueryVariables = Exact<{
  id: string;
}>;


export type UserQuery = { user: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null, recoveryCodes: number, sessions: Array<{ id: string, current: boolean, createdAt: string, lastUsedAt: string, expiresAt: string, authenticatedAt: string, amr: Array<string>, acr: string, ipAddress: string | null, userAgent: string | null }>, factors: Array<{ id: string, kind: FactorKind, name: string | null, createdAt: string, lastUsedAt: string | null }>, waits: Array<{ place: string, proof: string, failures: number, until: string }>, events: Array<{ id: string, kind: string, count: number, createdAt: string, lastAt: string, ipAddress: string | null, userAgent: string | null, actorId: string | null, actorKey: string | null, detail: string | null, userId: string | null, requestId: string | null }> | null } };

export type UsersQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  count?: boolean | null | undefined;
  search?: string | null | undefined;
  filter?: UserFilter | null | undefined;
  order?: UserOrder | null | undefined;
}>;


export type UsersQuery = { users: { totalCount: number | null, edges: Array<{ cursor: string, node: { id: string, email: string, emailVerified: boolean, pendingEmail: string | null, username: string | null, locale: string | null, roles: Array<string>, createdAt: string, updatedAt: string, claims: Record<string, unknown>, disabledAt: string | null, disabledUntil: string | null, hasSecondFactor: boolean, factorRecoveryAt: string | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type VerifyEmailMutationVariables = Exact<{
  input: VerifyEmailInput;
}>;


export type VerifyEmailMutation = { verifyEmail: boolean };

export type WebhookDeliveriesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  count?: boolean | null | undefined;
  filter?: WebhookDeliveryFilter | null | undefined;
}>;


export type WebhookDeliveriesQuery = { webhookDeliveries: { totalCount: number | null, edges: Array<{ cursor: string, node: { id: string, webhookId: string, messageId: string, type: string, userId: string | null, status: DeliveryStatus, attempts: number, lastResult: string | null, createdAt: string, nextAttemptAt: string, expiresAt: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type WebhooksQueryVariables = Exact<{ [key: string]: never; }>;


export type WebhooksQuery = { webhooks: Array<{ id: string, url: string, types: Array<string> | null, ofSettings: boolean, disabledAt: string | null, fault: string | null, createdAt: string, secrets: Array<{ kind: WebhookSecretKind, publicKey: string | null }> }> };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const UserFieldsFragmentDoc = new TypedDocumentString(`
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
    `, {"fragmentName":"UserFields"}) as unknown as TypedDocumentString<UserFieldsFragment, unknown>;
export const SessionFieldsFragmentDoc = new TypedDocumentString(`
    fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
    `, {"fragmentName":"SessionFields"}) as unknown as TypedDocumentString<SessionFieldsFragment, unknown>;
export const GrantFieldsFragmentDoc = new TypedDocumentString(`
    fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}`, {"fragmentName":"GrantFields"}) as unknown as TypedDocumentString<GrantFieldsFragment, unknown>;
export const CeremonyFieldsFragmentDoc = new TypedDocumentString(`
    fragment CeremonyFields on PasskeyCeremony {
  id
  options
  expiresAt
}
    `, {"fragmentName":"CeremonyFields"}) as unknown as TypedDocumentString<CeremonyFieldsFragment, unknown>;
export const PasskeyFieldsFragmentDoc = new TypedDocumentString(`
    fragment PasskeyFields on Passkey {
  id
  name
  isSynced
  createdAt
  lastUsedAt
}
    `, {"fragmentName":"PasskeyFields"}) as unknown as TypedDocumentString<PasskeyFieldsFragment, unknown>;
export const RoleFieldsFragmentDoc = new TypedDocumentString(`
    fragment RoleFields on Role {
  name
  permissions
  builtIn
  changedAt
}
    `, {"fragmentName":"RoleFields"}) as unknown as TypedDocumentString<RoleFieldsFragment, unknown>;
export const ManagedUserFieldsFragmentDoc = new TypedDocumentString(`
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}
    `, {"fragmentName":"ManagedUserFields"}) as unknown as TypedDocumentString<ManagedUserFieldsFragment, unknown>;
export const WaitFieldsFragmentDoc = new TypedDocumentString(`
    fragment WaitFields on LoginWait {
  place
  proof
  failures
  until
}
    `, {"fragmentName":"WaitFields"}) as unknown as TypedDocumentString<WaitFieldsFragment, unknown>;
export const AuditEventFieldsFragmentDoc = new TypedDocumentString(`
    fragment AuditEventFields on AuditEvent {
  id
  kind
  count
  createdAt
  lastAt
  ipAddress
  userAgent
  actorId
  actorKey
  detail
  userId
  requestId
}
    `, {"fragmentName":"AuditEventFields"}) as unknown as TypedDocumentString<AuditEventFieldsFragment, unknown>;
export const MailFieldsFragmentDoc = new TypedDocumentString(`
    fragment MailFields on Mail {
  id
  kind
  recipient
  userId
  status
  attempts
  fault
  createdAt
  nextAttemptAt
  expiresAt
}
    `, {"fragmentName":"MailFields"}) as unknown as TypedDocumentString<MailFieldsFragment, unknown>;
export const ServiceKeyFieldsFragmentDoc = new TypedDocumentString(`
    fragment ServiceKeyFields on ServiceKey {
  id
  name
  scopes
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  valid
}
    `, {"fragmentName":"ServiceKeyFields"}) as unknown as TypedDocumentString<ServiceKeyFieldsFragment, unknown>;
export const WebhookFieldsFragmentDoc = new TypedDocumentString(`
    fragment WebhookFields on Webhook {
  id
  url
  types
  ofSettings
  secrets {
    kind
    publicKey
  }
  disabledAt
  fault
  createdAt
}
    `, {"fragmentName":"WebhookFields"}) as unknown as TypedDocumentString<WebhookFieldsFragment, unknown>;
export const WebhookDeliveryFieldsFragmentDoc = new TypedDocumentString(`
    fragment WebhookDeliveryFields on WebhookDelivery {
  id
  webhookId
  messageId
  type
  userId
  status
  attempts
  lastResult
  createdAt
  nextAttemptAt
  expiresAt
}
    `, {"fragmentName":"WebhookDeliveryFields"}) as unknown as TypedDocumentString<WebhookDeliveryFieldsFragment, unknown>;
export const AcceptInvitationDocument = new TypedDocumentString(`
    mutation AcceptInvitation($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input)
}
    `) as unknown as TypedDocumentString<AcceptInvitationMutation, AcceptInvitationMutationVariables>;
export const AddPasskeyDocument = new TypedDocumentString(`
    mutation AddPasskey($input: AddPasskeyInput!) {
  addPasskey(input: $input) {
    ...PasskeyFields
  }
}
    fragment PasskeyFields on Passkey {
  id
  name
  isSynced
  createdAt
  lastUsedAt
}`) as unknown as TypedDocumentString<AddPasskeyMutation, AddPasskeyMutationVariables>;
export const AuditEventsDocument = new TypedDocumentString(`
    query AuditEvents($first: Int, $after: String, $count: Boolean, $filter: EventFilter) {
  auditEvents(first: $first, after: $after, count: $count, filter: $filter) {
    edges {
      cursor
      node {
        ...AuditEventFields
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    fragment AuditEventFields on AuditEvent {
  id
  kind
  count
  createdAt
  lastAt
  ipAddress
  userAgent
  actorId
  actorKey
  detail
  userId
  requestId
}`) as unknown as TypedDocumentString<AuditEventsQuery, AuditEventsQueryVariables>;
export const BeginPasskeyDocument = new TypedDocumentString(`
    mutation BeginPasskey {
  beginPasskey {
    ...CeremonyFields
  }
}
    fragment CeremonyFields on PasskeyCeremony {
  id
  options
  expiresAt
}`) as unknown as TypedDocumentString<BeginPasskeyMutation, BeginPasskeyMutationVariables>;
export const BeginPasskeyLoginDocument = new TypedDocumentString(`
    mutation BeginPasskeyLogin {
  beginPasskeyLogin {
    ...CeremonyFields
  }
}
    fragment CeremonyFields on PasskeyCeremony {
  id
  options
  expiresAt
}`) as unknown as TypedDocumentString<BeginPasskeyLoginMutation, BeginPasskeyLoginMutationVariables>;
export const BeginTotpDocument = new TypedDocumentString(`
    mutation BeginTotp {
  beginTotp {
    id
    secret
    uri
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<BeginTotpMutation, BeginTotpMutationVariables>;
export const CancelEmailChangeDocument = new TypedDocumentString(`
    mutation CancelEmailChange($input: CancelEmailChangeInput!) {
  cancelEmailChange(input: $input)
}
    `) as unknown as TypedDocumentString<CancelEmailChangeMutation, CancelEmailChangeMutationVariables>;
export const ChangePasswordDocument = new TypedDocumentString(`
    mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const ClearLoginWaitsDocument = new TypedDocumentString(`
    mutation ClearLoginWaits($id: ID!) {
  clearLoginWaits(id: $id)
}
    `) as unknown as TypedDocumentString<ClearLoginWaitsMutation, ClearLoginWaitsMutationVariables>;
export const CompleteLoginDocument = new TypedDocumentString(`
    mutation CompleteLogin($input: CompleteLoginInput!) {
  completeLogin(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<CompleteLoginMutation, CompleteLoginMutationVariables>;
export const ConfirmTotpDocument = new TypedDocumentString(`
    mutation ConfirmTotp($input: ConfirmTotpInput!) {
  confirmTotp(input: $input) {
    codes
  }
}
    `) as unknown as TypedDocumentString<ConfirmTotpMutation, ConfirmTotpMutationVariables>;
export const CreateServiceKeyDocument = new TypedDocumentString(`
    mutation CreateServiceKey($input: CreateServiceKeyInput!) {
  createServiceKey(input: $input) {
    key
    serviceKey {
      ...ServiceKeyFields
    }
  }
}
    fragment ServiceKeyFields on ServiceKey {
  id
  name
  scopes
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  valid
}`) as unknown as TypedDocumentString<CreateServiceKeyMutation, CreateServiceKeyMutationVariables>;
export const CreateUserDocument = new TypedDocumentString(`
    mutation CreateUser($input: CreateUserInput!) {
  createUser(input: $input) {
    ...ManagedUserFields
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<CreateUserMutation, CreateUserMutationVariables>;
export const DeleteMeDocument = new TypedDocumentString(`
    mutation DeleteMe($input: DeleteMeInput) {
  deleteMe(input: $input)
}
    `) as unknown as TypedDocumentString<DeleteMeMutation, DeleteMeMutationVariables>;
export const DeleteUserDocument = new TypedDocumentString(`
    mutation DeleteUser($id: ID!) {
  deleteUser(id: $id)
}
    `) as unknown as TypedDocumentString<DeleteUserMutation, DeleteUserMutationVariables>;
export const DeleteWebhookDocument = new TypedDocumentString(`
    mutation DeleteWebhook($id: ID!) {
  deleteWebhook(id: $id)
}
    `) as unknown as TypedDocumentString<DeleteWebhookMutation, DeleteWebhookMutationVariables>;
export const DisableUserDocument = new TypedDocumentString(`
    mutation DisableUser($id: ID!) {
  disableUser(id: $id) {
    ...ManagedUserFields
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<DisableUserMutation, DisableUserMutationVariables>;
export const EnableUserDocument = new TypedDocumentString(`
    mutation EnableUser($id: ID!) {
  enableUser(id: $id) {
    ...ManagedUserFields
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<EnableUserMutation, EnableUserMutationVariables>;
export const EndUserSessionDocument = new TypedDocumentString(`
    mutation EndUserSession($id: ID!, $sessionId: ID!) {
  endUserSession(id: $id, sessionId: $sessionId)
}
    `) as unknown as TypedDocumentString<EndUserSessionMutation, EndUserSessionMutationVariables>;
export const EndUserSessionsDocument = new TypedDocumentString(`
    mutation EndUserSessions($id: ID!) {
  endUserSessions(id: $id)
}
    `) as unknown as TypedDocumentString<EndUserSessionsMutation, EndUserSessionsMutationVariables>;
export const EventsDocument = new TypedDocumentString(`
    query Events($first: Int, $after: ID) {
  events(first: $first, after: $after) {
    id
    kind
    count
    createdAt
    lastAt
    ipAddress
    userAgent
    actorId
    detail
  }
}
    `) as unknown as TypedDocumentString<EventsQuery, EventsQueryVariables>;
export const ExportMeDocument = new TypedDocumentString(`
    query ExportMe {
  exportMe
}
    `) as unknown as TypedDocumentString<ExportMeQuery, ExportMeQueryVariables>;
export const FactorsDocument = new TypedDocumentString(`
    query Factors {
  factors {
    id
    kind
    name
    createdAt
    lastUsedAt
  }
}
    `) as unknown as TypedDocumentString<FactorsQuery, FactorsQueryVariables>;
export const InviteUserDocument = new TypedDocumentString(`
    mutation InviteUser($input: InviteUserInput!) {
  inviteUser(input: $input) {
    ...ManagedUserFields
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<InviteUserMutation, InviteUserMutationVariables>;
export const LoginDocument = new TypedDocumentString(`
    mutation Login($input: LoginInput!) {
  login(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<LoginMutation, LoginMutationVariables>;
export const LoginWaitsDocument = new TypedDocumentString(`
    query LoginWaits($id: ID!) {
  loginWaits(id: $id) {
    ...WaitFields
  }
}
    fragment WaitFields on LoginWait {
  place
  proof
  failures
  until
}`) as unknown as TypedDocumentString<LoginWaitsQuery, LoginWaitsQueryVariables>;
export const LoginWithPasskeyDocument = new TypedDocumentString(`
    mutation LoginWithPasskey($input: LoginWithPasskeyInput!) {
  loginWithPasskey(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<LoginWithPasskeyMutation, LoginWithPasskeyMutationVariables>;
export const LogoutDocument = new TypedDocumentString(`
    mutation Logout($input: LogoutInput) {
  logout(input: $input)
}
    `) as unknown as TypedDocumentString<LogoutMutation, LogoutMutationVariables>;
export const MailsDocument = new TypedDocumentString(`
    query Mails($first: Int, $after: String, $count: Boolean, $filter: MailFilter) {
  mails(first: $first, after: $after, count: $count, filter: $filter) {
    edges {
      cursor
      node {
        ...MailFields
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    fragment MailFields on Mail {
  id
  kind
  recipient
  userId
  status
  attempts
  fault
  createdAt
  nextAttemptAt
  expiresAt
}`) as unknown as TypedDocumentString<MailsQuery, MailsQueryVariables>;
export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    ...UserFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}`) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const PasskeySignalsDocument = new TypedDocumentString(`
    query PasskeySignals {
  passkeySignals {
    rpId
    userId
    allAcceptedCredentialIds
    imported {
      userId
      allAcceptedCredentialIds
    }
    name
    displayName
  }
}
    `) as unknown as TypedDocumentString<PasskeySignalsQuery, PasskeySignalsQueryVariables>;
export const PasskeysDocument = new TypedDocumentString(`
    query Passkeys {
  passkeys {
    ...PasskeyFields
  }
}
    fragment PasskeyFields on Passkey {
  id
  name
  isSynced
  createdAt
  lastUsedAt
}`) as unknown as TypedDocumentString<PasskeysQuery, PasskeysQueryVariables>;
export const PutRoleDocument = new TypedDocumentString(`
    mutation PutRole($input: PutRoleInput!) {
  putRole(input: $input) {
    ...RoleFields
  }
}
    fragment RoleFields on Role {
  name
  permissions
  builtIn
  changedAt
}`) as unknown as TypedDocumentString<PutRoleMutation, PutRoleMutationVariables>;
export const PutWebhookDocument = new TypedDocumentString(`
    mutation PutWebhook($input: PutWebhookInput!) {
  putWebhook(input: $input) {
    webhook {
      ...WebhookFields
    }
    secret
  }
}
    fragment WebhookFields on Webhook {
  id
  url
  types
  ofSettings
  secrets {
    kind
    publicKey
  }
  disabledAt
  fault
  createdAt
}`) as unknown as TypedDocumentString<PutWebhookMutation, PutWebhookMutationVariables>;
export const RefreshDocument = new TypedDocumentString(`
    mutation Refresh($input: RefreshInput) {
  refresh(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<RefreshMutation, RefreshMutationVariables>;
export const RegisterDocument = new TypedDocumentString(`
    mutation Register($input: RegisterInput!) {
  register(input: $input) {
    user {
      ...UserFields
    }
    session {
      ...SessionFields
    }
    accessToken
    accessTokenExpiresAt
    refreshToken
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}`) as unknown as TypedDocumentString<RegisterMutation, RegisterMutationVariables>;
export const RemoveFactorDocument = new TypedDocumentString(`
    mutation RemoveFactor($id: ID!) {
  removeFactor(id: $id)
}
    `) as unknown as TypedDocumentString<RemoveFactorMutation, RemoveFactorMutationVariables>;
export const RemovePasskeyDocument = new TypedDocumentString(`
    mutation RemovePasskey($id: ID!) {
  removePasskey(id: $id)
}
    `) as unknown as TypedDocumentString<RemovePasskeyMutation, RemovePasskeyMutationVariables>;
export const RemoveRoleDocument = new TypedDocumentString(`
    mutation RemoveRole($name: String!) {
  removeRole(name: $name)
}
    `) as unknown as TypedDocumentString<RemoveRoleMutation, RemoveRoleMutationVariables>;
export const RenamePasskeyDocument = new TypedDocumentString(`
    mutation RenamePasskey($input: RenamePasskeyInput!) {
  renamePasskey(input: $input) {
    ...PasskeyFields
  }
}
    fragment PasskeyFields on Passkey {
  id
  name
  isSynced
  createdAt
  lastUsedAt
}`) as unknown as TypedDocumentString<RenamePasskeyMutation, RenamePasskeyMutationVariables>;
export const RenewRecoveryCodesDocument = new TypedDocumentString(`
    mutation RenewRecoveryCodes {
  renewRecoveryCodes {
    codes
  }
}
    `) as unknown as TypedDocumentString<RenewRecoveryCodesMutation, RenewRecoveryCodesMutationVariables>;
export const ReplayDeliveriesDocument = new TypedDocumentString(`
    mutation ReplayDeliveries($input: ReplayDeliveriesInput!) {
  replayDeliveries(input: $input) {
    count
    next
  }
}
    `) as unknown as TypedDocumentString<ReplayDeliveriesMutation, ReplayDeliveriesMutationVariables>;
export const ReportSignInDocument = new TypedDocumentString(`
    mutation ReportSignIn($input: ReportSignInInput!) {
  reportSignIn(input: $input)
}
    `) as unknown as TypedDocumentString<ReportSignInMutation, ReportSignInMutationVariables>;
export const RequestEmailVerificationDocument = new TypedDocumentString(`
    mutation RequestEmailVerification($input: RequestEmailVerificationInput) {
  requestEmailVerification(input: $input)
}
    `) as unknown as TypedDocumentString<RequestEmailVerificationMutation, RequestEmailVerificationMutationVariables>;
export const RequestFactorRecoveryDocument = new TypedDocumentString(`
    mutation RequestFactorRecovery($input: RequestFactorRecoveryInput!) {
  requestFactorRecovery(input: $input) {
    endsAt
  }
}
    `) as unknown as TypedDocumentString<RequestFactorRecoveryMutation, RequestFactorRecoveryMutationVariables>;
export const RequestPasswordResetDocument = new TypedDocumentString(`
    mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input)
}
    `) as unknown as TypedDocumentString<RequestPasswordResetMutation, RequestPasswordResetMutationVariables>;
export const ResendVerificationDocument = new TypedDocumentString(`
    mutation ResendVerification($id: ID!) {
  resendVerification(id: $id)
}
    `) as unknown as TypedDocumentString<ResendVerificationMutation, ResendVerificationMutationVariables>;
export const ResetPasswordDocument = new TypedDocumentString(`
    mutation ResetPassword($input: ResetPasswordInput!) {
  resetPassword(input: $input)
}
    `) as unknown as TypedDocumentString<ResetPasswordMutation, ResetPasswordMutationVariables>;
export const RetryMailDocument = new TypedDocumentString(`
    mutation RetryMail($id: ID!) {
  retryMail(id: $id) {
    ...MailFields
  }
}
    fragment MailFields on Mail {
  id
  kind
  recipient
  userId
  status
  attempts
  fault
  createdAt
  nextAttemptAt
  expiresAt
}`) as unknown as TypedDocumentString<RetryMailMutation, RetryMailMutationVariables>;
export const RevokeOtherSessionsDocument = new TypedDocumentString(`
    mutation RevokeOtherSessions {
  revokeOtherSessions
}
    `) as unknown as TypedDocumentString<RevokeOtherSessionsMutation, RevokeOtherSessionsMutationVariables>;
export const RevokeServiceKeyDocument = new TypedDocumentString(`
    mutation RevokeServiceKey($id: ID!) {
  revokeServiceKey(id: $id)
}
    `) as unknown as TypedDocumentString<RevokeServiceKeyMutation, RevokeServiceKeyMutationVariables>;
export const RevokeSessionDocument = new TypedDocumentString(`
    mutation RevokeSession($id: ID!) {
  revokeSession(id: $id)
}
    `) as unknown as TypedDocumentString<RevokeSessionMutation, RevokeSessionMutationVariables>;
export const RolesDocument = new TypedDocumentString(`
    query Roles {
  roles {
    ...RoleFields
  }
}
    fragment RoleFields on Role {
  name
  permissions
  builtIn
  changedAt
}`) as unknown as TypedDocumentString<RolesQuery, RolesQueryVariables>;
export const ServiceKeysDocument = new TypedDocumentString(`
    query ServiceKeys {
  serviceKeys {
    ...ServiceKeyFields
  }
}
    fragment ServiceKeyFields on ServiceKey {
  id
  name
  scopes
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  valid
}`) as unknown as TypedDocumentString<ServiceKeysQuery, ServiceKeysQueryVariables>;
export const SessionsDocument = new TypedDocumentString(`
    query Sessions {
  sessions {
    ...SessionFields
  }
}
    fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}`) as unknown as TypedDocumentString<SessionsQuery, SessionsQueryVariables>;
export const SetUserClaimsDocument = new TypedDocumentString(`
    mutation SetUserClaims($input: SetUserClaimsInput!) {
  setUserClaims(input: $input) {
    id
    claims
  }
}
    `) as unknown as TypedDocumentString<SetUserClaimsMutation, SetUserClaimsMutationVariables>;
export const SetUserRolesDocument = new TypedDocumentString(`
    mutation SetUserRoles($input: SetUserRolesInput!) {
  setUserRoles(input: $input) {
    id
    roles
  }
}
    `) as unknown as TypedDocumentString<SetUserRolesMutation, SetUserRolesMutationVariables>;
export const StartEmailChangeDocument = new TypedDocumentString(`
    mutation StartEmailChange($input: StartEmailChangeInput!) {
  startEmailChange(input: $input)
}
    `) as unknown as TypedDocumentString<StartEmailChangeMutation, StartEmailChangeMutationVariables>;
export const StartFactorRecoveryDocument = new TypedDocumentString(`
    mutation StartFactorRecovery($id: ID!) {
  startFactorRecovery(id: $id) {
    endsAt
  }
}
    `) as unknown as TypedDocumentString<StartFactorRecoveryMutation, StartFactorRecoveryMutationVariables>;
export const StartPasswordResetDocument = new TypedDocumentString(`
    mutation StartPasswordReset($id: ID!) {
  startPasswordReset(id: $id)
}
    `) as unknown as TypedDocumentString<StartPasswordResetMutation, StartPasswordResetMutationVariables>;
export const StepUpDocument = new TypedDocumentString(`
    mutation StepUp($input: StepUpInput!) {
  stepUp(input: $input) {
    ...GrantFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}
fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment GrantFields on AuthPayload {
  user {
    ...UserFields
  }
  session {
    ...SessionFields
  }
  accessToken
  accessTokenExpiresAt
  refreshToken
}`) as unknown as TypedDocumentString<StepUpMutation, StepUpMutationVariables>;
export const SuspendUserDocument = new TypedDocumentString(`
    mutation SuspendUser($input: SuspendUserInput!) {
  suspendUser(input: $input) {
    ...ManagedUserFields
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<SuspendUserMutation, SuspendUserMutationVariables>;
export const TestWebhookDocument = new TypedDocumentString(`
    mutation TestWebhook($id: ID!) {
  testWebhook(id: $id) {
    ...WebhookDeliveryFields
  }
}
    fragment WebhookDeliveryFields on WebhookDelivery {
  id
  webhookId
  messageId
  type
  userId
  status
  attempts
  lastResult
  createdAt
  nextAttemptAt
  expiresAt
}`) as unknown as TypedDocumentString<TestWebhookMutation, TestWebhookMutationVariables>;
export const UndoEmailChangeDocument = new TypedDocumentString(`
    mutation UndoEmailChange($input: UndoEmailChangeInput!) {
  undoEmailChange(input: $input)
}
    `) as unknown as TypedDocumentString<UndoEmailChangeMutation, UndoEmailChangeMutationVariables>;
export const UndoFactorChangeDocument = new TypedDocumentString(`
    mutation UndoFactorChange($input: UndoFactorChangeInput!) {
  undoFactorChange(input: $input)
}
    `) as unknown as TypedDocumentString<UndoFactorChangeMutation, UndoFactorChangeMutationVariables>;
export const UpdateMeDocument = new TypedDocumentString(`
    mutation UpdateMe($input: UpdateMeInput!) {
  updateMe(input: $input) {
    ...UserFields
  }
}
    fragment UserFields on User {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
}`) as unknown as TypedDocumentString<UpdateMeMutation, UpdateMeMutationVariables>;
export const UserDocument = new TypedDocumentString(`
    query User($id: ID!) {
  user(id: $id) {
    id
    email
    emailVerified
    pendingEmail
    username
    locale
    roles
    createdAt
    updatedAt
    claims
    disabledAt
    disabledUntil
    hasSecondFactor
    factorRecoveryAt
    sessions {
      ...SessionFields
    }
    factors {
      id
      kind
      name
      createdAt
      lastUsedAt
    }
    recoveryCodes
    waits {
      ...WaitFields
    }
    events {
      ...AuditEventFields
    }
  }
}
    fragment SessionFields on Session {
  id
  current
  createdAt
  lastUsedAt
  expiresAt
  authenticatedAt
  amr
  acr
  ipAddress
  userAgent
}
fragment WaitFields on LoginWait {
  place
  proof
  failures
  until
}
fragment AuditEventFields on AuditEvent {
  id
  kind
  count
  createdAt
  lastAt
  ipAddress
  userAgent
  actorId
  actorKey
  detail
  userId
  requestId
}`) as unknown as TypedDocumentString<UserQuery, UserQueryVariables>;
export const UsersDocument = new TypedDocumentString(`
    query Users($first: Int, $after: String, $count: Boolean, $search: String, $filter: UserFilter, $order: UserOrder) {
  users(
    first: $first
    after: $after
    count: $count
    search: $search
    filter: $filter
    order: $order
  ) {
    edges {
      cursor
      node {
        ...ManagedUserFields
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    fragment ManagedUserFields on ManagedUser {
  id
  email
  emailVerified
  pendingEmail
  username
  locale
  roles
  createdAt
  updatedAt
  claims
  disabledAt
  disabledUntil
  hasSecondFactor
  factorRecoveryAt
}`) as unknown as TypedDocumentString<UsersQuery, UsersQueryVariables>;
export const VerifyEmailDocument = new TypedDocumentString(`
    mutation VerifyEmail($input: VerifyEmailInput!) {
  verifyEmail(input: $input)
}
    `) as unknown as TypedDocumentString<VerifyEmailMutation, VerifyEmailMutationVariables>;
export const WebhookDeliveriesDocument = new TypedDocumentString(`
    query WebhookDeliveries($first: Int, $after: String, $count: Boolean, $filter: WebhookDeliveryFilter) {
  webhookDeliveries(first: $first, after: $after, count: $count, filter: $filter) {
    edges {
      cursor
      node {
        ...WebhookDeliveryFields
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    fragment WebhookDeliveryFields on WebhookDelivery {
  id
  webhookId
  messageId
  type
  userId
  status
  attempts
  lastResult
  createdAt
  nextAttemptAt
  expiresAt
}`) as unknown as TypedDocumentString<WebhookDeliveriesQuery, WebhookDeliveriesQueryVariables>;
export const WebhooksDocument = new TypedDocumentString(`
    query Webhooks {
  webhooks {
    ...WebhookFields
  }
}
    fragment WebhookFields on Webhook {
  id
  url
  types
  ofSettings
  secrets {
    kind
    publicKey
  }
  disabledAt
  fault
  createdAt
}`) as unknown as TypedDocumentString<WebhooksQuery, WebhooksQueryVariables>;