/** A mail ready to send. */
export type Message = { to: string; subject: string; text: string; html: string }

/** The values that a mail of this kind is rendered from. */
export type MailData = { kind: MailKind; to: string; link?: string; address?: string }

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
    lines: () => [
      'Your account is about to get another address.',
      'If this was not you, follow the link to cancel the change, and change your password. The link is valid for one hour.',
    ],
    linkText: 'Cancel the change',
  },
  'email-changed': {
    subject: 'The e-mail address of your account was changed',
    lines: ({ address }) => [
      `The address of your account is now ${address}.`,
      'If this was not you, follow the link to restore this address and end every session. The link is valid for 72 hours.',
    ],
    linkText: 'Restore this address',
  },
  'email-replaced': {
    subject: 'The e-mail address of your account was changed',
    lines: () => ['Your account no longer uses this address. The address was never verified.', NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Your earlier e-mail address is restored',
    lines: () => ['Your account uses this address again. All sessions have ended. Reset your password next.'],
  },
  'address-taken': {
    subject: 'You already have an account with this address',
    lines: () => [
      'There was a request to use this address for an account. You already have one: sign in, or reset your password.',
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
    lines: () => ['The password of your account was changed. All other sessions have ended.', NOT_YOU],
  },
  'password-was-reset': {
    subject: 'Your password was reset',
    lines: () => ['The password of your account was reset by mail. All sessions have ended.', NOT_YOU],
  },
  'sign-in': {
    subject: 'New sign-in to your account',
    lines: () => [
      'Your account was signed in to from a network and a browser that it has not had before.',
      'If this was not you, follow the link to end all sessions and to set a new password. The link is valid for 72 hours.',
    ],
    linkText: 'This was not me',
  },
  'refresh-reused': {
    subject: 'A session of your account was ended',
    lines: () => [
      'A token of one of your sessions was used twice. It may have been copied, so we ended that session.',
      NOT_YOU,
    ],
  },
} satisfies Record<string, Template>

export type MailKind = keyof typeof TEMPLATES

/** Fills in the template of a mail: plain text and HTML say the same, and the subject says what happened. */
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
