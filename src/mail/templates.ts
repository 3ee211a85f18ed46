import { describeBrowser } from './browser-names.ts'

/** A mail ready to send. */
export type Message = { to: string; subject: string; text: string; html: string }

/** The values that a mail of this kind is rendered from. */
export type MailData = {
  kind: MailKind
  to: string
  /** When it happened. For a joined notice: when it first happened. */
  at: Date
  /** How often it happened. Only notices without a link are counted. */
  count?: number
  link?: string
  address?: string
  /** The session that a sign-in opened, unless it has ended. */
  session?: { ipAddress: string | null; userAgent: string | null }
}

type Template = { subject: string; lines: (data: MailData) => string[]; linkText?: string }

const IGNORE = 'If you did not ask for this, you can ignore this mail: nothing has changed.'
const NOT_YOU =
  'If this was not you, reset your password now and end every session that you do not recognise.'

const TEMPLATES = {
  'email-verification': {
    subject: 'Verify your e-mail address',
    lines: () => ['Follow the link to verify this address. The link is valid for one hour.', IGNORE],
    linkText: 'Verify this address',
  },
  'email-change': {
    subject: 'Confirm your new e-mail address',
    lines: () => [
      'Follow the link to use this address for your account. The link is valid for one hour.',
      IGNORE,
    ],
    linkText: 'Use this address',
  },
  'email-change-requested': {
    subject: 'A new e-mail address was requested for your account',
    lines: ({ address, at }) => [
      `On ${formatTime(at)}, a change of the address of your account to ${address} was requested. It takes effect when that address is confirmed.`,
      'If this was not you, follow the link to cancel the change, and reset your password. The link is valid for 72 hours.',
    ],
    linkText: 'Cancel the change',
  },
  'email-changed': {
    subject: 'The e-mail address of your account was changed',
    lines: ({ address, at }) => [
      `The address of your account was changed on ${formatTime(at)}. It is now ${address}.`,
      'If this was not you, follow the link to restore this address and end every session. The link is valid for 72 hours.',
    ],
    linkText: 'Restore this address',
  },
  'email-replaced': {
    subject: 'The e-mail address of your account was changed',
    lines: (data) => [
      'Your account no longer uses this address. The address was never verified.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'email-change-undone': {
    subject: 'Your earlier e-mail address is restored',
    lines: (data) => [
      'Your account uses this address again. All sessions have ended. Reset your password next.',
      describeTimes(data),
    ],
  },
  'address-taken': {
    subject: 'You already have an account with this address',
    lines: (data) => [
      'There was a request to use this address for an account. You already have one: sign in, or reset your password.',
      describeTimes(data),
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Reset your password',
    lines: () => ['Follow the link to choose a new password. The link is valid for 15 minutes.', IGNORE],
    linkText: 'Choose a new password',
  },
  'password-changed': {
    subject: 'Your password was changed',
    lines: (data) => [
      'The password of your account was changed. All other sessions have ended.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'password-was-reset': {
    subject: 'Your password was reset',
    lines: (data) => [
      'The password of your account was reset by mail. All sessions have ended.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'factor-added': {
    subject: 'A second factor was added to your account',
    lines: (data) => [
      'From now on, a sign-in to your account needs a second factor. All other sessions have ended.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'factor-removed': {
    subject: 'A second factor was removed from your account',
    lines: ({ at }) => [
      `On ${formatTime(at)}, a second factor was removed from your account. All other sessions have ended.`,
      'If this was not you, follow the link to restore it, to end every session and to set a new password. The link is valid for 72 hours.',
    ],
    linkText: 'Restore it',
  },
  'factor-recovery-started': {
    subject: 'Your second factors are about to be replaced',
    lines: (data) => [
      'There was a request to sign in to your account without its second factors, because they are lost. In 72 hours, this mailbox gets a link. With the password, the link signs in and removes the second factors.',
      describeTimes(data),
      'If this was not you, sign in with a second factor or a recovery code now: that stops it. Then change your password.',
    ],
  },
  'factor-recovery': {
    subject: 'Sign in without your second factors',
    lines: () => [
      'Follow the link and enter your password. This signs you in and removes the second factors of your account. The link is valid for 72 hours.',
      'If this was not you, sign in with a second factor or a recovery code now: that makes the link invalid. Then change your password.',
    ],
    linkText: 'Sign in',
  },
  'factors-recovered': {
    subject: 'The second factors of your account were removed',
    lines: (data) => [
      'There was a sign-in to your account with the password and the link that was mailed to you. The second factors and recovery codes no longer work, and all other sessions have ended.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'passkey-copied': {
    subject: 'A passkey of your account may have been copied',
    lines: (data) => [
      'A sign-in with a passkey was refused, because its counter went back. This happens if a copy of the passkey is used. Remove the passkey and add another one.',
      describeTimes(data),
    ],
  },
  'recovery-codes-renewed': {
    subject: 'New recovery codes for your account',
    lines: (data) => [
      'New recovery codes were created for your account. The earlier ones no longer work, and all other sessions have ended.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'recovery-codes-low': {
    subject: 'Few recovery codes are left',
    lines: (data) => [
      'A recovery code was used to sign in to your account, and at most three are left. Create new ones while you can sign in.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
  'sign-in': {
    subject: 'New sign-in to your account',
    lines: ({ at, session }) => [
      `On ${formatTime(at)}, your account was signed in to from a place that is new to it.${describePlace(session)}`,
      'If this was not you, follow the link to end all sessions and to set a new password. The link is valid for 72 hours.',
    ],
    linkText: 'This was not me',
  },
  'refresh-reused': {
    subject: 'A session of your account was ended',
    lines: (data) => [
      'A token of one of your sessions was used twice. It may have been copied, so we ended that session.',
      describeTimes(data),
      NOT_YOU,
    ],
  },
} satisfies Record<string, Template>

export type MailKind = keyof typeof TEMPLATES

/** Fills in the template of a mail, as plain text and as HTML with the same content. */
export function renderMail(data: MailData): Message {
  const { to, kind, link } = data
  const { subject, lines, linkText = '' }: Template = TEMPLATES[kind]
  const [first = '', ...rest] = lines(data)
  const text = [first, ...(link ? [link] : []), ...rest]
  const anchor = link ? [`<a href="${escapeHtml(link)}">${escapeHtml(linkText)}</a>`] : []
  const html = [escapeHtml(first), ...anchor, ...rest.map(escapeHtml)]
  return {
    to,
    subject,
    text: `${text.join('\n\n')}\n`,
    html: html.map((part) => `<p>${part}</p>`).join('\n'),
  }
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

const formatTime = (time: Date) => `${TIME.format(time)} UTC`

function describeTimes({ at, count = 1 }: MailData) {
  return count === 1
    ? `This happened on ${formatTime(at)}.`
    : `This happened ${count} times since ${formatTime(at)}.`
}

function describePlace(session: MailData['session']) {
  if (!session) return ''
  const { ipAddress, userAgent } = session
  const program = userAgent === null ? null : describeBrowser(userAgent)
  return [ipAddress && ` Network address: ${ipAddress}.`, program && ` Browser: ${program}.`]
    .filter(Boolean)
    .join('')
}

function escapeHtml(text: string) {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
