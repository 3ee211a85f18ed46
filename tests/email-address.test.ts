import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseEmail } from '../src/contract/email-address.ts'
import { ADAPTERS, account } from './support/client.ts'
import { useServer, useServerWithMail } from './support/server.ts'

describe('an address', () => {
  test.each([
    ['r&d@example.com'],
    ['first/last@example.com'],
    ['bounce=id@example.com'],
    ['a*b@example.com'],
    ["o'brien+tag@example.com"],
    ["!#$%&'*+-/=?^_`{|}~@example.com"],
    ['user@xn--e1afmkfd.xn--p1ai'],
    ['user@123.example'],
    ['user@a.very.long.chain.of.example.museum'],
    [' Ada@EXAMPLE.com ', 'ada@example.com'],
    ['ＡＤＡ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ada@example.com'],
    ['user@пример.рф', 'user@xn--e1afmkfd.xn--p1ai'],
    ['user@BÜCHER.example', 'user@xn--bcher-kva.example'],
    ['user@bu\u0308cher.example', 'user@xn--bcher-kva.example'],
    ['user@例え.テスト', 'user@xn--r8jz45g.xn--zckzah'],
    ['user@my日本。jp', 'user@xn--my-7t7du0c.jp'],
  ])('%s is taken', (text, email = text) => {
    expect(parseEmail(text)).toEqual({ email })
    expect(parseEmail(email)).toEqual({ email })
  })

  test.each<[text: string, refusal: RegExp]>([
    ['nobody', /Must be an e-mail address/],
    ['a@b@example.com', /Must be an e-mail address/],
    ['a..b@example.com', /Must be an e-mail address/],
    ['.a@example.com', /Must be an e-mail address/],
    ['"a b"@example.com', /Must be an e-mail address/],
    ['jörg@example.com', /unaccented Latin letters, digits and common signs before the @/],
    ['用户@example.com', /unaccented Latin letters/],
    ['аda@example.com', /unaccented Latin letters/],
    [`${'a'.repeat(65)}@example.com`, /at most 64 characters before the @/],
    [`a@${`${'b'.repeat(63)}.`.repeat(4)}com`, /at most 254 characters/],
    [`a@${'b'.repeat(64)}.com`, /a domain after the @/],
    ['a@localhost', /a domain after the @/],
    ['a@192.0.2.1', /a domain after the @/],
    ['a@[192.0.2.1]', /a domain after the @/],
    ['a@0x7f.1', /a domain after the @/],
    ['a@example.com.', /a domain after the @/],
    ['a@example.com:25', /a domain after the @/],
    ['a@ex%61mple.com', /a domain after the @/],
    ['a@-example.com', /a domain after the @/],
    ['a@xn--a.com', /a domain after the @/],
    ['a@exаmple.com', /look-alike or invisible characters after the @/],
    ['a@εxample.com', /look-alike/],
    ['a@examplı.com', /look-alike/],
    ['a@exam\u200bple.com', /look-alike/],
    ['a@exam\u00adple.com', /look-alike/],
  ])('%s is refused in words', (text, refusal) => {
    expect(parseEmail(text)).toEqual({ refusal: expect.stringMatching(refusal) })
  })

  test('of thousands of accents is refused before it is normalised, which would take seconds', () => {
    const accents = '\u0301'.repeat(7900) + '\u0316'.repeat(7900)

    expect(parseEmail(`a@${accents}.com`)).toEqual({ refusal: 'Must have at most 254 characters.' })
  })

  test('is as long as it is without the blanks around it', () => {
    const blanks = ' '.repeat(1000)

    expect(parseEmail(`${blanks}ada@example.com${blanks}`)).toEqual({ email: 'ada@example.com' })
  })

  test('whatever RFC 5321 allows and browsers hand over is taken', () => {
    const atom = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/)
    const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,8}[A-Za-z0-9])?$/)
    const plain = label.filter((text) => !/^xn--/i.test(text))
    const top = fc.stringMatching(/^[a-z]{2,6}$/)
    const local = fc.array(atom, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
    const host = fc.tuple(fc.array(plain, { minLength: 1, maxLength: 4 }), top)

    fc.assert(
      fc.property(local, host, (name, [labels, last]) => {
        const email = `${name}@${[...labels, last].join('.')}`
        expect(parseEmail(email)).toEqual({ email: email.toLowerCase() })
      }),
      { numRuns: 500 },
    )
  })

  test('the form in which an address is stored has one form only', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })

    fc.assert(
      fc.property(text, text, (label, top) => {
        const parsed = parseEmail(`a@${label}.${top}`)
        if ('refusal' in parsed) return
        expect(parsed.email).toMatch(/^[!-~]+$/)
        expect(parseEmail(parsed.email)).toEqual(parsed)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the host of an address', () => {
  const server = useServer()

  test.each(ADAPTERS)('in its own letters and in punycode is one account by %s', async (adapter) => {
    const { password } = account()
    const name = `ada-${adapter.toLowerCase()}`
    const { data } = await server.client(adapter).register({ email: `${name}@Bücher.example`, password })

    const again = await server.client(adapter).register({ email: `${name}@xn--bcher-kva.example`, password })
    const login = await server.client(adapter).login({ email: `${name}@BÜCHER.EXAMPLE`, password })

    expect(data?.user.email).toBe(`${name}@xn--bcher-kva.example`)
    expect(again.code).toBe('EMAIL_TAKEN')
    expect(login.data?.user.id).toBe(data?.user.id)
  })

  test.each(ADAPTERS)('a part before the @ that is not ASCII is explained by %s', async (adapter) => {
    const answer = await server.client(adapter).register({ ...account(), email: 'jörg@example.com' })

    expect(answer).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'email', message: expect.stringContaining('before the @') }],
    })
  })
})

describe('a mail', () => {
  const server = useServerWithMail()

  test.each([
    ['r&d@example.com'],
    ['first/last@example.com'],
    ['bounce=id@example.com'],
    ['a*b@example.com'],
    ["!#$%&'*+-/=?^_`{|}~@example.com"],
    // The mail server of the tests shows punycode in its own letters.
    ['user@xn--e1afmkfd.xn--p1ai', 'user@пример.рф'],
  ])('to %s arrives', async (email, shown = email) => {
    await server.client().register({ ...account(), email })

    const mail = await server.mailbox.mail(shown, /Verify/)

    expect(mail.headers).toContain(`To: ${email}`)
    expect(mail.recipients).toBe(1)
  })
})
