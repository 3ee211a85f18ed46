import { Toggle } from './kinds/choice.ts'
import { MailSender, SmtpUrl } from './kinds/mail.ts'
import { AppUrl } from './kinds/url.ts'

/** Mails, and the operations that need them. */
export const mailSettings = {
  APP_URL: AppUrl.optional(),
  SMTP_URL: SmtpUrl.optional(),
  MAIL_FROM: MailSender.optional(),
  REQUIRE_EMAIL_VERIFICATION: Toggle.default(false),
  SIGN_IN_MAILS: Toggle.default(true),
}
