import { Toggle } from './kinds/choice.ts'
import { listOf, refuse } from './kinds/kind.ts'
import { toLanguageTag } from './kinds/language.ts'
import { MailSender, SmtpUrl } from './kinds/mail.ts'
import { Folder } from './kinds/path.ts'
import { urlFile } from './kinds/secret.ts'
import { AppUrl } from './kinds/url.ts'

/** Mails, and the operations that need them. */
export const mailSettings = {
  APP_URL: AppUrl.optional(),
  SMTP_URL: SmtpUrl.optional(),
  SMTP_URL_FILE: urlFile.optional(),
  MAIL_FROM: MailSender.optional(),
  MAIL_TEMPLATES: Folder.optional(),
  MAIL_LANGUAGES: listOf(parseLanguage).optional(),
  REQUIRE_EMAIL_VERIFICATION: Toggle.default(false),
  SIGN_IN_MAILS: Toggle.default(true),
}

function parseLanguage(text: string) {
  return toLanguageTag(text) ?? refuse('must be a language tag, such as en or pt-BR')
}
