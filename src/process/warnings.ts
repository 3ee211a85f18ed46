import type { Env } from '../env.ts'
import type { Logger } from '../observe/log.ts'
import { findMisspellings } from '../settings/misspellings.ts'
import { findWithoutEffect } from '../settings/without-effect.ts'
import { findLowFileLimit } from './open-files.ts'

/** Warns of settings that work, but perhaps not as the operator means. */
export function warnOfSettings({ NODE_ENV, SMTP_URL, THROTTLE }: Env, log: Logger) {
  if (!THROTTLE) log.warn('THROTTLE is off: passwords can be guessed without limit')
  if (NODE_ENV === 'production' && !SMTP_URL) {
    log.warn('SMTP_URL is not set: no mail is sent, and password resets and e-mail changes are refused')
  }
  const maxFiles = findLowFileLimit()
  if (NODE_ENV === 'production' && maxFiles !== undefined) {
    log.warn(
      `Only ${maxFiles} connections and files may be open: raise the hard limit (LimitNOFILE of systemd, ulimit -Hn of a shell)`,
    )
  }
  for (const { name, needs } of findWithoutEffect(process.env)) {
    log.warn(`${name} has no effect without ${needs}: set that too, or remove ${name}`)
  }
  for (const { name, meant } of findMisspellings(process.env)) {
    log.warn(`${name} is no setting, and has no effect: if you mean ${meant}, rename it`)
  }
}
