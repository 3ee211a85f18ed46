import { composeService } from '../../compose.ts'
import { type Env, loadEnv } from '../../env.ts'
import { joinSettings } from '../../process/first-run.ts'
import { explain, Failure } from '../failure.ts'
import { checkClock } from './clock.ts'
import { checkDatabase } from './database.ts'
import { checkKeys } from './keys.ts'
import { checkMail } from './mail.ts'
import { bad, good, note, type Verdict } from './verdict.ts'

type Source = Record<string, string | undefined>

const LABELS = { good: 'good', note: 'note', bad: 'BAD ' }
const NOT_CHECKED = 'Mend what is above first.'

/** Says what is well and what is not, part by part and as soon as it is known. */
export async function doctor(source: Source, { mailTo }: { mailTo?: string }) {
  const verdicts: Verdict[] = []
  const tell = (part: string, verdict: Verdict) => {
    verdicts.push(verdict)
    console.log(`${LABELS[verdict.state]}  ${part.padEnd(9)} ${verdict.says}`)
    if (verdict.wayOut) console.log(`${' '.repeat(16)}${verdict.wayOut}`)
  }

  const env = settingsOf(source, tell)
  if (env) await checkParts(env, mailTo, tell)

  const count = verdicts.filter(({ state }) => state === 'bad').length
  if (count > 0) throw new Failure(`${count} of ${verdicts.length} bad.`)
  console.log('\nAll is well.')
}

type Tell = (part: string, verdict: Verdict) => void

function settingsOf(source: Source, tell: Tell) {
  try {
    const env = loadEnv(source)
    const says = `${env.NODE_ENV}, ${env.PUBLIC_URL}`
    tell(
      'settings',
      env.THROTTLE
        ? good(says)
        : note(`${says}, passwords can be guessed without limit`, 'Take THROTTLE=off away.'),
    )
    return env
  } catch (fault) {
    const [says = '', ...rest] = explain(fault).split('\n')
    tell('settings', bad(says, rest.map((line) => line.trim()).join(`\n${' '.repeat(16)}`)))
    return undefined
  }
}

async function checkParts(env: Env, mailTo: string | undefined, tell: Tell) {
  const joined = await joinSettings(env).catch((fault: unknown) => {
    tell('database', bad('cannot be started', explain(fault)))
    return undefined
  })
  try {
    const settings = joined?.settings
    const found = settings && (await checkDatabase(settings.DATABASE_URL))
    if (found) tell('database', found.verdict)
    tell('mail', await checkMail(env, mailTo))
    if (found?.probe) tell('clock', checkClock(found.probe))
    if (settings && found?.verdict.state === 'good') {
      const { auth, close } = composeService(settings)
      try {
        tell('keys', await checkKeys(auth.keys))
      } finally {
        await close()
      }
    } else {
      tell('keys', bad('not checked, for want of the database', NOT_CHECKED))
    }
  } finally {
    await joined?.stop()
  }
}
