import { toMailOptions } from '../../compose.ts'
import type { Env } from '../../env.ts'
import { createMails } from '../../mail/render.ts'
import { createSmtp, readReply, UndeliverableError } from '../../mail/smtp.ts'
import { getErrorCode } from '../support/error-code.ts'
import { bad, good, note } from './verdict.ts'

const TEST_MAIL = {
  subject: 'A test mail from Servauth',
  text: 'The operator of Servauth asked for this test mail. It arrived, and there is nothing to do.\n',
  html: '<p>The operator of Servauth asked for this test mail. It arrived, and there is nothing to do.</p>',
}

/** For the code of a fault, with the reply after it. The first that matches counts. */
const ADVICE: [RegExp, string][] = [
  [
    /^\w+, answer 53\d (?:538|.*STARTTLS)/,
    'It demands STARTTLS. Write ?requireTLS=true into SMTP_URL, and no ignoreTLS. For a certificate of another name, add &tls.servername=mail.example.com.',
  ],
  [
    /^EAUTH/,
    'It refuses the user or the password. Correct them in SMTP_URL. Special characters must be %-encoded there.',
  ],
  [/^CERT_HAS_EXPIRED/, 'Its certificate has expired. Renew it, or check the clock of this machine.'],
  [
    /^ERR_TLS_CERT_ALTNAME/,
    'Its certificate is for another name. Write the name of the certificate into SMTP_URL, as the host or as ?tls.servername=mail.example.com, or get a certificate for this name.',
  ],
  [
    /^(\w*CERT|SELF_SIGNED|UNABLE_TO)/,
    'No authority that this machine trusts has signed its certificate. Name the file of your authority in NODE_EXTRA_CA_CERTS.',
  ],
  [
    /^EPROTOCOL, answer/,
    'It refuses to serve this machine, and its reply says why. If it is the name in EHLO, set one: ?name=mail.example.com.',
  ],
  [/^EPROTOCOL/, 'It does not speak SMTP. Correct the host or the port in SMTP_URL.'],
  [
    /^EENVELOPE/,
    'It refuses the sender, or takes no mail now. Check MAIL_FROM, and whether SMTP_URL needs a user and a password.',
  ],
  [
    /^(ETLS|ERR_TLS|ERR_SSL|EPROTO)/,
    'It offers no TLS as SMTP_URL asks for it. smtps:// uses TLS from the start, smtp:// requires STARTTLS, ?ignoreTLS=true turns TLS off.',
  ],
  [/^(EDNS|ENOTFOUND|EAI_AGAIN)/, 'The host name cannot be resolved. Correct SMTP_URL, or check your DNS.'],
  [/^(ETIMEDOUT|ETIME)/, 'It does not answer. Many networks block port 25: try 587 (smtp) or 465 (smtps).'],
  [
    /^(ECONNREFUSED|ECONNECTION|ESOCKET)/,
    'Nothing listens there, or it does not speak the protocol of SMTP_URL. Correct SMTP_URL.',
  ],
]

const EXPOSED =
  'Links in mails, and the password in SMTP_URL, can be read on the way. Remove ?ignoreTLS=true, unless the network is yours alone.'

/** Connects and signs in as the mail worker does. Sends a test mail only if the operator gave an address. */
export async function checkMail(env: Env, mailTo?: string) {
  const fault = await findTemplateFault(env)
  if (fault) return fault
  if (!env.SMTP_URL) return judgeMissingServer(env, mailTo)
  const { protocol, host } = new URL(env.SMTP_URL)
  const smtp = createSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM })
  const place = `${protocol}//${host}`
  try {
    await smtp.check()
    if (mailTo) await smtp.send({ to: mailTo, ...TEST_MAIL })
    const result = mailTo ? `accepted a test mail to ${mailTo}` : 'answers'
    const summary = `${place} ${result}, ${smtp.security}`
    return smtp.isExposed ? note(summary, EXPOSED) : good(summary)
  } catch (error) {
    const code = getErrorCode(error)
    const reply = readReply(error)
    const advice =
      error instanceof UndeliverableError
        ? 'It refused the mail, and its reply says why. If it is the sender: it must be allowed to send for the domain of MAIL_FROM.'
        : ADVICE.find(([codes]) => codes.test(`${code} ${reply ?? ''}`))?.[1]
    return bad(
      `${place} cannot be used (${code})${reply ? `, and replied: ${reply}` : ''}`,
      advice ?? 'Look at the log of the mail server, and check SMTP_URL.',
    )
  } finally {
    smtp.close()
  }
}

async function findTemplateFault(env: Env) {
  try {
    await createMails(toMailOptions(env))
    return undefined
  } catch (error) {
    const [summary = '', ...rest] = (error as Error).message.split('\n')
    return bad(summary, rest.map((line) => line.trim()).join('\n'))
  }
}

function judgeMissingServer({ NODE_ENV }: Env, mailTo?: string) {
  const advice = 'Set SMTP_URL, for example smtps://user:password@mail.example.com.'
  if (mailTo) return bad('there is no mail server to send with', advice)
  if (NODE_ENV !== 'production') return good('mails are written to the log, because SMTP_URL is not set')
  return note('no mail is sent: password resets and e-mail changes are refused', advice)
}
