import type { z } from 'zod'
import { claimSettings } from './claims.ts'
import { credentialSettings } from './credentials.ts'
import { databaseSettings } from './database.ts'
import { mailSettings } from './mailing.ts'
import { observationSettings } from './observation.ts'
import { passkeySettings } from './passkeys.ts'
import { serverSettings } from './server.ts'
import { throttleSettings } from './throttle.ts'
import { webhookSettings } from './webhooks.ts'

/** All settings, each with its kind and its default. What depends on several settings is in `contradictions.ts` and `env.ts`. */
export const SETTINGS = {
  ...serverSettings,
  ...databaseSettings,
  ...credentialSettings,
  ...claimSettings,
  ...passkeySettings,
  ...mailSettings,
  ...throttleSettings,
  ...webhookSettings,
  ...observationSettings,
}

export type Name = keyof typeof SETTINGS
export type Settings = { [N in Name]: z.output<(typeof SETTINGS)[N]> }
