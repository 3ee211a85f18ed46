import { composeCore } from '../../compose.ts'
import { type Env, loadEnv } from '../../env.ts'
import { hasDataFolder, joinSettings } from '../../process/first-run.ts'
import { findMisspellings } from '../../settings/misspellings.ts'
import { findWithoutEffect } from '../../settings/without-effect.ts'
import { CommandError, explainError } from '../support/command-error.ts'
import type { Environment } from '../support/with-core.ts'
import { checkBreachedPasswords } from './breached-passwords.ts'
import { checkClock } from './clock.ts'
import { checkDatabase } from './database.ts'
import { checkHashCosts } from './hash-costs.ts'
import { checkKeys, checkSecrets, NO_KEY_YET } from './keys.ts'
import { checkMail } from './mail.ts'
import { findRisks } from './risks.ts'
import { bad, good, note, type Verdict } from './verdict.ts'
import { checkWebhooks } from './webhooks.ts'

const LABELS = { good: 'good', note: 'note', bad: 'BAD ' }
/** Without any of them, nothing was set up yet. The first server will probably be one for development. */
const SETTINGS_OF_A_SERVER = [
  'NODE_ENV',
  'DATABASE_URL',
  'DATABASE_URL_FILE',
  'AUTH_SECRET',
  'AUTH_SECRET_FILE',
  'PUBLIC_URL',
]
const INDENT = ' '.repeat(16)

/** Checks each part of the server, and prints each verdict as soon as it is known. */
export async function runDoctor(given: Environment, { mailTo }: { mailTo?: string }) {
  const isSet = SETTINGS_OF_A_SERVER.some((name) => given[name])
  const environment = isSet ? given : { ...given, NODE_ENV: 'development' }
  const verdicts: Verdict[] = []
  const printVerdict = (part: string, verdict: Verdict) => {
    verdicts.push(verdict)
    console.log(`${LABELS[verdict.state]}  ${part.padEnd(9)} ${verdict.summary}`)
    if (verdict.advice) console.log(verdict.advice.replace(/^ */gm, INDENT))
  }

  const env = checkSettings(environment, printVerdict)
  if (env) await checkParts(env, mailTo, printVerdict)

  const count = verdicts.filter(({ state }) => state === 'bad').length
  if (count > 0) throw new CommandError(`${count} of ${verdicts.length} checks are bad.`)
  console.log('\nAll is well.')
}

type PrintVerdict = (part: string, verdict: Verdict) => void

function checkSettings(environment: Environment, printVerdict: PrintVerdict) {
  try {
    const env = loadEnv(environment)
    const summary = `${env.NODE_ENV}, ${env.PUBLIC_URL}`
    printVerdict(
      'settings',
      env.THROTTLE
        ? good(summary)
        : note(`${summary}, passwords can be guessed without limit`, 'Remove THROTTLE=off.'),
    )
    for (const [part, verdict] of findRisks(env)) printVerdict(part, verdict)
    for (const { name, needs } of findWithoutEffect(environment)) {
      printVerdict(
        'names',
        note(`${name} has no effect without ${needs}`, `Set that too, or remove ${name}.`),
      )
    }
    for (const { name, meant } of findMisspellings(environment)) {
      printVerdict(
        'names',
        note(`${name} is no setting, and has no effect`, `If you mean ${meant}, rename it.`),
      )
    }
    return env
  } catch (error) {
    const [summary = '', ...rest] = explainError(error).split('\n')
    printVerdict('settings', bad(summary, rest.join('\n')))
    return undefined
  }
}

async function checkParts(env: Env, mailTo: string | undefined, printVerdict: PrintVerdict) {
  if (!env.DATABASE_URL && !hasDataFolder()) {
    const advice =
      'Start a development server in this folder, which creates it: bun run dev. For production, set DATABASE_URL, AUTH_SECRET and PUBLIC_URL.'
    printVerdict('database', note('nothing is there yet', advice))
    printVerdict('mail', await checkMail(env, mailTo))
    return
  }
  const joined = await joinSettings(env).catch((error: unknown) => {
    printVerdict('database', bad('cannot be started', explainError(error)))
    return undefined
  })
  try {
    const settings = joined?.settings
    const database = settings && (await checkDatabase(settings))
    if (database) printVerdict('database', database.verdict)
    printVerdict('mail', await checkMail(env, mailTo))
    if (env.WEBHOOKS.length > 0) printVerdict('webhooks', await checkWebhooks(env))
    if (database?.probe) printVerdict('clock', checkClock(database.probe))
    if (env.BREACHED_PASSWORDS) printVerdict('breached', checkBreachedPasswords(env.BREACHED_PASSWORDS))
    if (settings && database?.isMigrated) {
      // A file of breached passwords that cannot be used is named already.
      const { core, close } = composeCore({ ...settings, BREACHED_PASSWORDS: undefined })
      try {
        printVerdict('keys', await checkKeys(core))
        printVerdict('secrets', checkSecrets(await core.countLostSecrets()))
        printVerdict('passwords', checkHashCosts(await core.measureFailedSignIn()))
      } finally {
        await close()
      }
    } else if (database?.verdict.state === 'note') {
      printVerdict('keys', NO_KEY_YET)
    } else {
      printVerdict('keys', bad('not checked, because the database is bad', 'Fix the database first.'))
    }
  } finally {
    await joined?.stop()
  }
}
