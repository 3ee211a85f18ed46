/** The types of events that webhooks get, in the order of docs/webhooks.md. Triggers of the database write them. */
export const WEBHOOK_TYPES = [
  'user.created',
  'user.updated',
  'user.email_verified',
  'user.disabled',
  'user.deleted',
  'session.started',
  'session.ended',
  'factor.added',
  'factor.removed',
  'password.changed',
  'refresh.reused',
] as const
export type WebhookType = (typeof WEBHOOK_TYPES)[number]

/** What `testWebhook` sends. It is no event of a user, so a webhook cannot choose it. */
export const TEST_TYPE = 'webhook.test'
