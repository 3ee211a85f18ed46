/** A mail ready to be sent. */
export type Message = { to: string; subject: string; text: string; html: string }

/** A mail before it has words: its kind, its reader and what its words need. */
export type Letter = { kind: MailKind; to: string; link?: string; address?: string }

type Words = { subject: string; lines: (letter: Letter) => string[]; action?: string }

const IGNORE = 'If this was not you, you can ignore this mail: nothing has changed.'
const NOT_YOU = 'If this was not you, reset your password now and end the sessions you do not know.'

const WORDS = {
  'email-verification': {
    subject: 'Verify your e-mail address',
    lines: () => ['Follow the link to verify this address. It is good for one hour.', IGNORE],
    action: 'Verify the address',
  },
  'email-change': {
    subject: 'Confirm your new e-mail address',
    lines: () => ['Follow the link to use this address for your account. It is good for one hour.', IGNORE],
    action: 'Use this address',
  },
  'email-changed': {
    subject: 'The e-mail address of your account was changed',
    lines: ({ address }) => [
      `Your account now has the address ${address}.`,
      'If this was not you, follow the link to put this address back and end every session. It is good for 72 hours.',
    ],
    action: 'Put this address back',
  },
  'email-replaced': {
    subject: 'The e-mail address of your account was changed',
    lines: () => ['Your account no longer has this address, which was never verified.', NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Your earlier e-mail address is back',
    lines: () => [
      'Your account has this address again, and every session has been ended. Reset your password next.',
    ],
  },
  'address-taken': {
    subject: 'You have an account with this address already',
    lines: () => [
      'Somebody asked to use this address for an account. You have one: sign in, or reset its password.',
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Reset your password',
    lines: () => ['Follow the link to choose a new password. It is good for 15 minutes.', IGNORE],
    action: 'Choose a new password',
  },
  'password-changed': {
    subject: 'Your password was changed',
    lines: () => [
      'The password of your account was changed, and all other sessions have been ended.',
      NOT_YOU,
    ],
  },
  'password-was-reset': {
    subject: 'Your password was reset',
    lines: () => [
      'The password of your account was reset by mail, and every session has been ended.',
      NOT_YOU,
    ],
  },
  'refresh-reused': {
    subject: 'A session of your account was ended',
    lines: () => [
      'A token of one of your sessions was used twice, as if somebody had copied it. That session has been ended.',
      NOT_YOU,
    ],
  },
} satisfies Record<string, Words>

export type MailKind = keyof typeof WORDS

/** Puts a letter into words: short, plain text and HTML alike, the subject saying what happened. */
export function write(letter: Letter): Message {
  const { to, kind, link } = letter
  const { subject, lines, action = '' }: Words = WORDS[kind]
  const [first = '', ...rest] = lines(letter)
  const text = [first, ...(link ? [link] : []), ...rest]
  const anchor = link ? [`<a href="${escapeHtml(link)}">${escapeHtml(action)}</a>`] : []
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
