import type { Language } from '../kinds.ts'

const IGNORE = 'If you did not ask for this, you can ignore this mail: nothing has changed.'
const NOT_YOU =
  'If this was not you, reset your password now and end every session that you do not recognise.'
const WHEN =
  '{{^count}}This happened on {{time}}.{{/count}}{{#count}}This happened {{count}} times since {{time}}.{{/count}}'

export const en: Language = {
  'email-verification': {
    subject: 'Verify your e-mail address',
    lines: ['Follow the link to verify this address. The link is valid for {{validity}}.', IGNORE],
    link: 'Verify this address',
  },
  'email-change': {
    subject: 'Confirm your new e-mail address',
    lines: [
      'Follow the link to use this address for your account. The link is valid for {{validity}}.' +
        '{{#endsAnother}} Another account has this address, and it was never confirmed there. That account is deleted when you confirm. If you want to keep it, do not follow the link.{{/endsAnother}}',
      IGNORE,
    ],
    link: 'Use this address',
  },
  'email-change-requested': {
    subject: 'A new e-mail address was requested for your account',
    lines: [
      'On {{time}}, a change of the address of your account to {{address}} was requested. It takes effect when that address is confirmed.',
      'If this was not you, follow the link to cancel the change, and reset your password. The link is valid for {{validity}}.',
    ],
    link: 'Cancel the change',
  },
  'email-changed': {
    subject: 'The e-mail address of your account was changed',
    lines: [
      'The address of your account was changed on {{time}}. It is now {{address}}.',
      'If this was not you, follow the link to restore this address and end every session. The link is valid for {{validity}}.',
    ],
    link: 'Restore this address',
  },
  'email-replaced': {
    subject: 'The e-mail address of your account was changed',
    lines: ['Your account no longer uses this address. The address was never verified.', WHEN, NOT_YOU],
  },
  'email-change-undone': {
    subject: 'Your earlier e-mail address is restored',
    lines: ['Your account uses this address again. All sessions have ended. Reset your password next.', WHEN],
  },
  'address-taken': {
    subject: 'You already have an account with this address',
    lines: [
      'There was a request to use this address for an account. You already have one: sign in, or reset your password.',
      WHEN,
      IGNORE,
    ],
  },
  'password-reset': {
    subject: 'Reset your password',
    lines: ['Follow the link to choose a new password. The link is valid for {{validity}}.', IGNORE],
    link: 'Choose a new password',
  },
  invitation: {
    subject: 'An account was created for you',
    lines: [
      'Follow the link to choose a password for your account. The link is valid for {{validity}}.',
      'If you did not expect this mail, you can ignore it: without the link, no sign-in to the account is possible.',
    ],
    link: 'Choose a password',
  },
  'password-changed': {
    subject: 'Your password was changed',
    lines: ['The password of your account was changed. All other sessions have ended.', WHEN, NOT_YOU],
  },
  'password-was-reset': {
    subject: 'Your password was reset',
    lines: ['The password of your account was reset by mail. All sessions have ended.', WHEN, NOT_YOU],
  },
  'password-breached': {
    subject: 'Your password is in a list of stolen passwords',
    lines: [
      'The password of your account is in a list of passwords that were stolen from other services. Attackers try such passwords first. Your password still works, but change it now, here and in every other place where you use it.',
      WHEN,
    ],
  },
  'factor-added': {
    subject: 'A second factor was added to your account',
    lines: [
      'From now on, a sign-in to your account needs a second factor. All other sessions have ended.',
      WHEN,
      'If this was not you, reset your password now, and remove every factor and end every session that you do not recognise.',
    ],
  },
  'factor-removed': {
    subject: 'A second factor was removed from your account',
    lines: [
      'On {{time}}, a second factor was removed from your account. All other sessions have ended.',
      'If this was not you, follow the link to put it back, to end every session and to set a new password. The link is valid for {{validity}}.',
    ],
    link: 'Put it back',
  },
  'factor-recovery-started': {
    subject: 'Your second factors are about to be replaced',
    lines: [
      'There was a request to sign in to your account without its second factors, because they are lost. In {{wait}}, this mailbox gets a link. Then the link and your password are enough to sign in, and the second factors are removed.',
      WHEN,
      'If this was not you, sign in with a second factor or a recovery code now: that stops it. Then change your password.',
    ],
  },
  'factor-recovery': {
    subject: 'Sign in without your second factors',
    lines: [
      'Follow the link and give your password, to sign in and to remove the second factors of your account. The link is valid for {{validity}}.',
      'If this was not you, sign in with a second factor or a recovery code now: that makes the link invalid. Then change your password.',
    ],
    link: 'Sign in',
  },
  'factors-recovered': {
    subject: 'The second factors of your account were removed',
    lines: [
      'There was a sign-in to your account with the password and the link that was mailed to you. The second factors and recovery codes no longer work. All other sessions have ended.',
      WHEN,
      NOT_YOU,
    ],
  },
  'passkey-copied': {
    subject: 'A passkey of your account may have been copied',
    lines: [
      'A sign-in with a passkey was refused, because the counter of the passkey went back. This happens when a copy of the passkey is used. Remove the passkey and add another one.',
      WHEN,
    ],
  },
  'recovery-codes-renewed': {
    subject: 'New recovery codes for your account',
    lines: [
      'New recovery codes were created for your account. The earlier ones no longer work, and all other sessions have ended.',
      WHEN,
      NOT_YOU,
    ],
  },
  'recovery-codes-low': {
    subject: 'Few recovery codes are left',
    lines: [
      'A recovery code was used to sign in to your account, and at most three are left. Create new ones while you can sign in.',
      WHEN,
      NOT_YOU,
    ],
  },
  'sign-in': {
    subject: 'New sign-in to your account',
    lines: [
      'On {{time}}, there was a sign-in to your account from a new place.' +
        '{{#ipAddress}} Network address: {{ipAddress}}.{{/ipAddress}}' +
        '{{#browser}} Browser: {{browser}}{{#system}} on {{system}}{{/system}}.{{/browser}}' +
        '{{#unknownBrowser}} Browser: not recognised.{{/unknownBrowser}}',
      'If this was not you, follow the link to end all sessions and to set a new password. The link is valid for {{validity}}.',
    ],
    link: 'This was not me',
  },
  'refresh-reused': {
    subject: 'A session of your account was ended',
    lines: [
      'A token of one of your sessions was used twice. It may have been copied, so we ended that session.',
      WHEN,
      NOT_YOU,
    ],
  },
  'account-deleted': {
    subject: 'Your account was deleted',
    lines: [
      'Your account and everything that belongs to it were deleted.',
      WHEN,
      'If this was not you, someone used your password or one of your devices. Change this password in every place where you use it.',
    ],
  },
}
