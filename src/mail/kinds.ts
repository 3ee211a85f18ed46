/** The variables that texts of mails can have. They are the same in every language, and in text and HTML. */
type Variable =
  | 'link'
  | 'validity'
  | 'wait'
  | 'time'
  | 'count'
  | 'address'
  | 'ipAddress'
  | 'browser'
  | 'system'
  | 'unknownBrowser'
  | 'endsAnother'
  | 'name'
  | 'sender'

/** The variables that the texts of one kind must have, and those that they can have too. */
type Definition = { needs: readonly Variable[]; has: readonly Variable[] }

const COMMON = ['time', 'name', 'sender'] as const

const withLink: Definition = { needs: ['link'], has: ['validity', ...COMMON] }
const withLinkAndAddress: Definition = { ...withLink, needs: ['link', 'address'] }
const notice: Definition = { needs: [], has: ['count', ...COMMON] }

/** Every kind of mail. */
export const MAIL_KINDS = {
  'email-verification': withLink,
  'email-change': { ...withLink, has: ['endsAnother', ...withLink.has] },
  'email-change-requested': withLinkAndAddress,
  'email-changed': withLinkAndAddress,
  'email-replaced': notice,
  'email-change-undone': notice,
  'address-taken': notice,
  'password-reset': withLink,
  invitation: withLink,
  'password-changed': notice,
  'password-was-reset': notice,
  'password-breached': notice,
  'factor-added': notice,
  'factor-removed': withLink,
  'factor-recovery-started': { ...notice, has: ['wait', ...notice.has] },
  'factor-recovery': withLink,
  'factors-recovered': notice,
  'passkey-copied': notice,
  'recovery-codes-renewed': notice,
  'recovery-codes-low': notice,
  'sign-in': { ...withLink, has: ['ipAddress', 'browser', 'system', 'unknownBrowser', ...withLink.has] },
  'refresh-reused': notice,
  'account-deleted': notice,
} satisfies Record<string, Definition>

export type MailKind = keyof typeof MAIL_KINDS

/** A mail ready to send. */
export type Message = { to: string; subject: string; text: string; html: string }

/** The values that a mail of this kind is rendered from. */
export type MailData = {
  kind: MailKind
  to: string
  /** The language of the reader, as BCP 47; null if it is not known. */
  locale: string | null
  /** The user name of the reader, if the mailbox is proven. */
  name?: string | null
  /** When it happened. For a joined notice: when it first happened. */
  at: Date
  /** How often it happened. Only notices without a link are counted. */
  count?: number
  link?: string
  /** How long the link is valid, and how long a wait lasts that the mail announces. */
  validSeconds?: number
  waitSeconds?: number
  address?: string
  /** Whether another account ends if the link is used. */
  endsAnother?: boolean
  /** The session that a sign-in opened, unless it has ended. */
  session?: { ipAddress: string | null; userAgent: string | null }
}

/** The words of a mail as Mustache, without partials and unescaped values. The link follows the first line. */
export type Words = { subject: string; lines: string[]; link?: string }

/** The words of one language for every kind. */
export type Language = Record<MailKind, Words>
