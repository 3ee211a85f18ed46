import type { Env } from '../../env.ts'
import { createSmtp, UndeliverableError } from '../../mail/smtp.ts'
import { bad, codeOf, good, note } from './verdict.ts'

const TEST_MAIL = {
  subject: 'A test mail of Servauth',
  text: 'Somebody who runs Servauth asked for this mail. It arrived, and there is nothing to do.\n',
  html: '<p>Somebody who runs Servauth asked for this mail. It arrived, and there is nothing to do.</p>',
}

const WAYS_OUT: [RegExp, string][] = [
  [
    /^EAUTH/,
    'It refuses the user or the password. Correct them in SMTP_URL; special characters are %-encoded there.',
  ],
  [
    /^(ETLS|ERR_TLS|.*CERT|SELF_SIGNED|UNABLE_TO)/,
    'It offers no TLS that can be trusted. smtps:// is TLS from the start, smtp:// insists on STARTTLS; ?ignoreTLS=true does without.',
  ],
  [
    /^(EDNS|ENOTFOUND|EAI_AGAIN)/,
    'The name of the host is not known. Correct SMTP_URL, or look at the name service.',
  ],
  [/^(ETIMEDOUT|ETIME)/, 'It does not answer. Many networks close port 25: try 587 (smtp) or 465 (smtps).'],
  [
    /^(ECONNREFUSED|ECONNECTION|ESOCKET)/,
    'Nothing listens there, or it does not speak as SMTP_URL says. Correct SMTP_URL.',
  ],
]

/** Connects, greets, encrypts and signs in as the worker does; a mail is sent only to who was named. */
export async function checkMail(env: Env, mailTo?: string) {
  if (!env.SMTP_URL) return withoutServer(env, mailTo)
  const { protocol, host } = new URL(env.SMTP_URL)
  const smtp = createSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM })
  const place = `${protocol}//${host}`
  try {
    await smtp.check()
    if (!mailTo) return good(`${place} answers, ${smtp.security}`)
    await smtp.send({ to: mailTo, ...TEST_MAIL })
    return good(`${place} has taken a test mail to ${mailTo}, ${smtp.security}`)
  } catch (fault) {
    const code = codeOf(fault)
    const wayOut =
      fault instanceof UndeliverableError
        ? 'It refused the mail. Look at MAIL_FROM, and whether it sends for that domain.'
        : WAYS_OUT.find(([codes]) => codes.test(code))?.[1]
    return bad(
      `${place} cannot be used (${code})`,
      wayOut ?? 'Look at the log of the mail server, and at SMTP_URL.',
    )
  } finally {
    smtp.close()
  }
}

function withoutServer({ NODE_ENV, REQUIRE_EMAIL_VERIFICATION }: Env, mailTo?: string) {
  const wayOut = 'Set SMTP_URL, such as smtps://user:password@mail.example.com.'
  if (mailTo) return bad('there is no mail server to send with', wayOut)
  if (NODE_ENV !== 'production') return good('written to the log, since SMTP_URL is not set')
  if (REQUIRE_EMAIL_VERIFICATION) {
    return bad('no mail is sent, so nobody can register: REQUIRE_EMAIL_VERIFICATION is on', wayOut)
  }
  return note('no mail is sent: password resets and e-mail changes are refused', wayOut)
}
