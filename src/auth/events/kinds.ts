/** What the event log records. */
export type EventKind =
  | 'register'
  | 'register_taken'
  | 'login'
  | 'login_failed'
  | 'login_new_place'
  | 'login_challenged'
  | 'factor_failed'
  | 'factor_added'
  | 'factor_removed'
  | 'factor_change_undone'
  | 'factor_recovery_started'
  | 'factors_recovered'
  | 'passkey_copied'
  | 'recovery_codes_renewed'
  | 'recovery_code_used'
  | 'stepped_up'
  | 'reauthentication_failed'
  | 'logout'
  | 'refresh'
  | 'refresh_predecessor'
  | 'refresh_new_place'
  | 'refresh_reused'
  | 'password_changed'
  | 'password_breached'
  | 'password_reset_requested'
  | 'password_reset'
  | 'email_verified'
  | 'email_change_requested'
  | 'email_changed'
  | 'email_change_cancelled'
  | 'email_change_undone'
  | 'sign_in_reported'
  | 'sessions_revoked'
  | 'account_deleted'
  | 'account_exported'
  | 'account_disabled'
  | 'account_suspended'
  | 'account_enabled'
  | 'account_signed_out'
  | 'session_ended'
  | 'account_imported'
  | 'role_changed'
  | 'role_removed'
  | 'roles_changed'
  | 'service_key_created'
  | 'service_key_revoked'
  | 'claims_changed'
  | 'user_created'
  | 'user_invited'
  | 'invitation_accepted'
  | 'verification_resent'
  | 'waits_cleared'
  | 'mail_retried'
  | 'webhook_changed'
  | 'webhook_deleted'
  | 'webhook_tested'
  | 'deliveries_replayed'
  | 'origin_refused'
  | 'throttled'
  | 'mail_failed'

/** Kinds that a client can cause without a credential of the account. */
export const UNPROVEN_KINDS: ReadonlySet<EventKind> = new Set([
  'login_failed',
  'mail_failed',
  'origin_refused',
  'password_reset_requested',
  // If verification is required, an address can be registered again until it is verified.
  'register',
  'register_taken',
  'throttled',
])
