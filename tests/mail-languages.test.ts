import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAIL_KINDS, type MailData } from '../src/mail/kinds.ts'
import { createMails } from '../src/mail/render.ts'
import { findTemplateFaults } from '../src/mail/template-faults.ts'
import { BUILT_IN, KINDS } from '../src/mail/templates.ts'
import { ADAPTERS, account } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { createFolder } from './support/folder.ts'
import { runCommand } from './support/process.ts'
import { startServerWithMail, useServerWithMail } from './support/server.ts'

const inLanguage = (language: string) => ({ headers: { 'accept-language': language } })
const GERMAN = inLanguage('de-AT, de;q=0.9, en;q=0.5')
const link = 'https://app.example.com/account/page#token=abc'
const data = (values: Partial<MailData> = {}): MailData => ({
  kind: 'password-changed',
  to: 'ada@example.com',
  locale: null,
  at: new Date('2026-01-05T13:15:00Z'),
  ...values,
})
const createBuiltIn = () => createMails({ folder: undefined, only: undefined, sender: 'Servauth' })

/** A folder with templates, by their paths. */
async function createTemplateFolder(files: Record<string, string | Buffer>) {
  const folder = await createFolder()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

describe.each(Object.keys(BUILT_IN))('the built-in mails in %s', (locale) => {
  test('every mail has its variables and its link, and no other link', async () => {
    const mails = await createBuiltIn()
    for (const kind of KINDS) {
      const hasLink = MAIL_KINDS[kind].needs.length > 0
      const given = {
        kind,
        locale,
        address: 'x@y.example',
        validSeconds: 900,
        waitSeconds: 72 * 3600,
        count: 12,
      }
      const mail = mails.render(data({ ...given, ...(hasLink && { link }) }))
      const { text, html } = mails.templates(locale)[kind]

      expect([kind, findTemplateFaults(kind, text), findTemplateFaults(kind, html)]).toEqual([kind, [], []])
      for (const part of [mail.subject, mail.text, mail.html]) expect(part).not.toMatch(/\{\{|\}\}|undefined/)
      expect(mail.text.match(/https?:/g) ?? []).toHaveLength(hasLink ? 1 : 0)
      expect([...mail.html.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual(hasLink ? [link] : [])
      expect(mail.html).toContain(`<html lang="${locale}" dir="ltr">`)
    }
  })
})

test('times and durations are written as in the language of the reader', async () => {
  const { render } = await createBuiltIn()
  const texts = ['de-AT', 'fr', 'es', 'en-US', 'en', null, 'xx'].map(
    (locale) => render(data({ locale })).text,
  )
  const waits = ['de', 'fr'].map((locale) =>
    render(data({ kind: 'password-reset', locale, link, validSeconds: 900 })),
  )

  expect(texts[0]).toContain('Das geschah am 5. Jänner 2026 um 13:15 UTC.')
  expect(texts[1]).toContain('Cela s’est produit le 5 janvier 2026 à 13:15 UTC.')
  expect(texts[2]).toContain('Esto ocurrió el 5 de enero de 2026')
  expect(texts[3]).toContain('January 5, 2026 at 1:15')
  for (const text of texts.slice(4)) expect(text).toContain('This happened on 5 January 2026 at 13:15 UTC.')
  expect(waits[0]?.text).toContain('Der Link gilt 15 Minuten.')
  expect(waits[1]?.text).toContain('Le lien est valable 15 minutes.')
})

describe.each(ADAPTERS)('the language of an account by %s', (adapter) => {
  const server = useServerWithMail()

  test('a registration keeps the language of the request, and updateMe changes it', async () => {
    const client = server.client(adapter)
    const input = account()
    const registered = await client.call('register', { ...input, transport: 'TOKEN' }, GERMAN)
    const verification = await server.mailbox.mail(input.email, /Bestätigen Sie Ihre E-Mail-Adresse/)
    const { token } = verification
    await client.call('verifyEmail', { token, password: input.password })
    const changed = await client.updateMe({ locale: 'fr-ca' })
    await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' })
    const notice = await server.mailbox.mail(input.email, /Votre mot de passe a été modifié/)
    const cleared = await client.updateMe({ locale: null })
    const refused = await client.updateMe({ locale: 'no language' })
    // Its canonical form is longer: `islamicc` is `islamic-civil`.
    const grown = await client.updateMe({ locale: 'de-u-ca-islamicc-nu-latn-co-phonebk' })

    expect(registered.data?.user.locale).toBe('de-AT')
    expect(verification.text).toContain('Der Link gilt 1 Stunde.')
    expect(changed.data?.locale).toBe('fr-CA')
    expect((await client.me()).data?.locale).toBeNull()
    expect(notice.html).toContain('lang="fr"')
    expect(cleared.data?.locale).toBeNull()
    for (const { code, fields } of [refused, grown]) {
      expect([code, fields?.map(({ path }) => path)]).toEqual(['INVALID_INPUT', ['locale']])
    }
  })

  const grown = 'de-u-ca-islamicc-nu-latn-co-phonebk'
  const tooLong = 'de-x-aaaaaaaa-bbbbbbbb-cccccccc-dddddddd'
  test.each(['', '*', 'pl', 'x'.repeat(5000), grown, tooLong, 'de;q=0', '\u00e9;;;,,,q=', '-,--,_'])(
    'the language %s is none, and the mail is in the default language',
    async (language) => {
      const input = account()
      const { data } = await server
        .client(adapter)
        .call('register', { ...input, transport: 'TOKEN' }, inLanguage(language))

      expect(data?.user.locale).toBeNull()
      await server.mailbox.mail(input.email, /^Verify your e-mail address$/)
    },
  )

  test('a chosen language wins over that of the request', async () => {
    const input = { ...account(), locale: 'es', transport: 'TOKEN' }
    const { data } = await server.client(adapter).call('register', input, GERMAN)

    expect(data?.user.locale).toBe('es')
    await server.mailbox.mail(input.email, /^Confirme su dirección de correo$/)
  })

  test('a requested mail is in the language of the account, whichever client asks for it', async () => {
    const owner = await server.registerVerifiedUser(adapter)
    await owner.client.updateMe({ locale: 'fr' })

    await server.client(adapter).call('requestPasswordReset', { email: owner.email }, GERMAN)
    await server.mailbox.mail(owner.email, /^Réinitialisez votre mot de passe$/)
  })

  test('an address that is not verified gets the language of the request, as it may be another person’s', async () => {
    const { email } = await server.registerUser(adapter)
    await server.sql`update users set locale = 'es' where email = ${email}`

    await server.client(adapter).call('requestPasswordReset', { email }, GERMAN)
    await server.mailbox.mail(email, /^Setzen Sie Ihr Passwort zurück$/)
  })

  test('the row of a request has the language of the request alone, with and without an account', async () => {
    const known = await server.registerUser(adapter)
    const unknown = account()
    await server.sql`update users set locale = 'fr', email_verified = true where email = ${known.email}`
    for (const email of [known.email, unknown.email]) {
      await server.client(adapter).call('requestPasswordReset', { email }, GERMAN)
    }

    const rows = await server.sql`
      select locale, user_id from mail_outbox
      where kind = 'password-reset' and recipient = any(${[known.email, unknown.email]})`
    expect([...rows]).toEqual(Array(2).fill({ locale: 'de-AT', user_id: null }))
  })
})

test('an owner who takes an account back gets the next mails in a language of their own', async () => {
  const server = await startServerWithMail()
  const owner = await server.registerVerifiedUser()
  await owner.client.updateMe({ email: `new-${owner.email}`, currentPassword: owner.password })
  const confirm = await server.mailbox.token(`new-${owner.email}`, /Confirm/)
  await owner.client.call('verifyEmail', { token: confirm, password: owner.password })
  const undo = await server.mailbox.token(owner.email, /was changed/)
  await server.sql`update users set locale = 'fr'`

  await server.client().call('undoEmailChange', { token: undo }, GERMAN)
  await server.mailbox.mail(owner.email, /^Setzen Sie Ihr Passwort zurück$/)
  expect(await server.sql`select locale from users`).toEqual([{ locale: 'de-AT' }])
})

describe('the templates of an operator', () => {
  const HEBREW = 'סיסמה חדשה עבור {{name}}'

  test('names and words of any script arrive in subject, sender and text', async () => {
    const MAIL_TEMPLATES = await createTemplateFolder({
      'de/password-changed.txt': `${HEBREW}\n\nשלום {{name}}, 密码已更改。 {{time}} — ${'ä'.repeat(90)}\n`,
      'de/password-changed.html': '<p dir="rtl">{{name}}</p>',
    })
    const server = await startServerWithMail({
      MAIL_TEMPLATES,
      MAIL_FROM: 'خدمة, الحساب <no-reply@example.com>',
    })
    const { client, email, password } = await server.registerVerifiedUser()
    await client.updateMe({ username: 'עדה <b>&', locale: 'de' })
    await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' })

    const mail = await server.mailbox.mail(email, /סיסמה/)

    expect(mail.subject).toBe('סיסמה חדשה עבור \u2068עדה <b>&\u2069')
    expect(mail.text).toContain('שלום \u2068עדה <b>&\u2069, 密码已更改。')
    expect(mail.text).toContain('ä'.repeat(90))
    expect(mail.html).toContain('<p dir="rtl">\u2068עדה &lt;b&gt;&amp;\u2069</p>')
    expect(
      mail.headers.split(/\r?\n/).every((line) => /^[\x20-\x7e\t]*$/.test(line) && line.length < 200),
    ).toBe(true)
    expect(mail.from).toEqual([{ name: 'خدمة, الحساب', address: 'no-reply@example.com' }])
  })

  test('a name that could be a link, or turn the text around, does not do so', async () => {
    const folder = await createTemplateFolder({
      'en/password-changed.txt': 'Hello {{name}}\n\nHello {{name}}.',
    })
    const { render } = await createMails({ folder, only: ['en'], sender: '' })
    const subjects = [
      'evil.example',
      'see http://evil',
      'a@b',
      'Ada',
      'J. R. Tolkien',
      '\u202egnitset',
      'A\u2069B',
    ].map((name) => render(data({ name })).subject)

    expect(subjects.map((subject) => subject.replace('Hello ', ''))).toEqual([
      ...['', '', '', 'Ada', 'J. R. Tolkien', 'gnitset', 'AB'],
    ])
  })

  test('what a language lacks is taken from the built-in words, and a text without HTML becomes HTML', async () => {
    const folder = await createTemplateFolder({
      'fr/password-reset.txt': '\ufeffObjet\n\nUn <texte>.\nDeux lignes.\n\n{{link}}\n',
      'pt-BR/.keep': '',
      ...Object.fromEntries(
        KINDS.map((kind) => [
          `pt-BR/${kind}.txt`,
          `Assunto\n\n${MAIL_KINDS[kind].needs.map((name) => `{{${name}}}`).join(' ')} texto`,
        ]),
      ),
    })
    const { render, tags } = await createMails({ folder, only: undefined, sender: '' })
    const reset = render(data({ kind: 'password-reset', locale: 'fr-CA', link }))

    expect(tags).toEqual(['en', 'de', 'fr', 'es', 'pt-BR'])
    expect(reset.html).toContain(
      `<p>Un &lt;texte&gt;.<br>\nDeux lignes.</p>\n<p><a href="${link}">${link}</a></p>`,
    )
    expect(render(data({ locale: 'fr' })).subject).toBe('Votre mot de passe a été modifié')
    expect(render(data({ locale: 'pt-PT' })).subject).toBe('Assunto')
  })

  test('every fault is named with its file and line, and the server does not start', async () => {
    const folder = await createTemplateFolder({
      'password-reset.txt': 'S\n\n{{link}}',
      'de/pasword-reset.txt': 'S\n\n{{link}}',
      'de/password-reset.txt': 'S\n\nOhne Link',
      'de/email-verification.txt': 'S\n\n{{link}}\n{{lnk}}',
      'de/email-changed.txt': 'S\n\n{{link}} {{address}} {{#count}}',
      'de/email-change.txt':
        'S\n\n{{#name}}{{link}}{{/name}}{{^name}}{{#endsAnother}}{{link}}{{/endsAnother}}{{/name}}',
      'de/invitation.txt':
        'S\n\n{{#name}}{{link}}{{/name}}{{^name}}{{#validity}}{{link}}{{/validity}}{{/name}}',
      'de/sign-in.txt': 'S\n\n{{link}} {{{ipAddress}}}',
      'de/refresh-reused.txt': 'S\n\n{{link}}',
      'de/factor-added.txt': Buffer.from([0x53, 0x0a, 0x0a, 0xe4]),
      'de/factor-removed.txt': '\n\n{{link}}',
      'de/passkey-copied.html': '<p>',
      'de/address-taken.txt': 'S\n\n{{> partial}}',
      'english language/x.txt': '',
      'pl/sign-in.txt': 'S\n\n{{link}}',
    })

    const { code, output } = await callCommand(`mail preview ${await createFolder()}`, {
      env: { NODE_ENV: 'development', MAIL_TEMPLATES: folder },
    })
    const doctor = await callCommand('doctor', { env: { NODE_ENV: 'development', MAIL_TEMPLATES: folder } })
    const faults = output.split('\n').map((line) => line.trim())

    expect([code, doctor.code]).toEqual([1, 1])
    expect(doctor.output).toContain('de/password-reset.txt: must contain {{link}}')
    expect(output).not.toContain('de/invitation')
    for (const fault of [
      'password-reset.txt: must be in the folder of its language, such as en/password-reset.txt',
      /^de\/pasword-reset\.txt: is no mail; the names are email-verification, /,
      'de/password-reset.txt: must contain {{link}}, and not in a section that can be left out',
      'de/email-change.txt: must contain {{link}}, and not in a section that can be left out',
      /^de\/email-verification\.txt, line 4: \{\{lnk\}\} is no variable of this mail, which has link, validity, /,
      /^de\/email-changed\.txt, line 3: is not complete: Unclosed section/,
      'de/sign-in.txt, line 3: must write values as {{name}}, which escapes them',
      /^de\/refresh-reused\.txt, line 3: \{\{link\}\} is no variable of this mail/,
      'de/factor-added.txt: must be UTF-8',
      'de/factor-removed.txt: must have the subject as its first line, and a text below',
      'de/passkey-copied.html: must have passkey-copied.txt beside it, with the subject and the text',
      'de/address-taken.txt, line 3: may have {{name}}, {{#name}}, {{^name}} and {{/name}} only',
      'english language/: must be named as a language, such as en or pt-BR',
      /^pl\/: must have the text of every mail; it lacks email-verification\.txt, /,
    ]) {
      expect(faults).toContainEqual(typeof fault === 'string' ? fault : expect.stringMatching(fault))
    }
  })

  test('MAIL_LANGUAGES chooses the languages and the default', async () => {
    const { render } = await createMails({ folder: undefined, only: ['fr', 'de'], sender: '' })
    const subjects = ['de', 'en', null].map((locale) => render(data({ locale })).subject)

    expect(subjects).toEqual([
      'Ihr Passwort wurde geändert',
      ...Array(2).fill('Votre mot de passe a été modifié'),
    ])
    await expect(createMails({ folder: undefined, only: ['pl'], sender: '' })).rejects.toThrow(
      /^MAIL_LANGUAGES: has no texts in pl; there are texts in en, de, fr, es\./,
    )
  })
})

test('mail preview renders every mail, and mail templates writes templates that give the same mails', async () => {
  const [preview, templates, again] = [await createFolder(), await createFolder(), await createFolder()]
  const env = { NODE_ENV: 'development' }

  const shown = await runCommand(`mail preview ${preview}`, { env })
  await callCommand(`mail templates ${templates}`, { env })
  const rendered = await callCommand(`mail preview ${again}`, { env: { ...env, MAIL_TEMPLATES: templates } })
  const refused = await callCommand(`mail preview ${templates}`, { env })

  expect([shown.code, rendered.code, refused.code]).toEqual([0, 0, 1])
  for (const tag of Object.keys(BUILT_IN)) {
    const files = await readdir(join(preview, tag))
    expect(files).toHaveLength(2 * KINDS.length)
    for (const file of files) {
      const [one, other] = await Promise.all(
        [preview, again].map((folder) => readFile(join(folder, tag, file), 'utf8')),
      )
      expect([file, other?.trim()]).toEqual([file, one?.trim()])
    }
  }
})
