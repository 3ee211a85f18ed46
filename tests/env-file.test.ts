import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.ts'
import { runCommand } from './support/process.ts'

/** The lines about settings that the program prints when it starts in a folder with this file. */
async function faultsOf(lines: string[], file = '.env', env: Record<string, string> = {}) {
  const output = await runBeside(file, lines.join('\n'), { NODE_ENV: 'production', ...env })
  expect(output).not.toContain('pa55')
  return output.split('\n').filter((line) => line.includes('SMTP_URL'))
}

/** What `doctor` prints in a folder with this file. */
async function runBeside(file: string, content: string | Buffer, env: Record<string, string>) {
  const cwd = await createFolder()
  await writeFile(join(cwd, file), content)
  return (await runCommand('doctor', { cwd, env })).output
}

test.each([
  ['SMTP_URL=smtps://user:pa55$word@mail.example.com', /SMTP_URL: has a \$ in \.env .*: write \\\$ there/],
  ['SMTP_URL="smtps://user:pa55$word@mail.example.com"', /has a \$ in \.env/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Bun replaces it in its files
  ["export SMTP_URL='smtps://user:pa55${word}@mail.example.com'", /has a \$ in \.env/],
  [
    'SMTP_URL=smtps://mail.example.com?name=pa55#word',
    /is cut off at a # in \.env: put the value in quotation/,
  ],
])('characters that %s loses are named', async (line, fault) => {
  expect(await faultsOf([line])).toContainEqual(expect.stringMatching(fault))
})

test.each([
  'SMTP_URL=smtps://user:pa55\\$word@mail.example.com',
  'SMTP_URL="smtps://user:pa55\\$word@mail.example.com"',
  'SMTP_URL="smtps://mail.example.com" # the $HOUSE server',
  'SMTP_URL=smtps://mail.example.com # the main one',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Bun replaces it in its files
  'SMTP_URL=smtps://${MAIL_HOST:-mail.example.com}',
])('%s loses nothing', async (line) => {
  expect(await faultsOf([line])).toEqual([])
})

test('a variable that is set is meant', async () => {
  expect(await faultsOf(['MAIL_HOST=mail.example.com', 'SMTP_URL=smtps://$MAIL_HOST'])).toEqual([])
})

test('a file that the environment overrides is not looked at', async () => {
  const SMTP_URL = 'smtps://mail.example.com'

  expect(await faultsOf(['SMTP_URL=smtps://user:pa55$word@mail.example.com'], '.env', { SMTP_URL })).toEqual(
    [],
  )
})

test('the file of the mode is looked at too', async () => {
  const line = 'SMTP_URL=smtps://user:pa55$word@mail.example.com'

  expect(await faultsOf([line], '.env.production')).toContainEqual(
    expect.stringContaining('in .env.production'),
  )
})

test('a file that Bun cannot read is named, and not only the settings that are missing', async () => {
  const ofPowerShell = Buffer.from('\uFEFFPUBLIC_URL=https://auth.example.com', 'utf16le')

  expect(await runBeside('.env', ofPowerShell, {})).toMatch(/\.env: is in UTF-16.*save it as UTF-8/)
})

test('production without NODE_ENV is refused beside a file of development, which Bun reads then', async () => {
  const run = (env: Record<string, string>) =>
    runBeside('.env.development', 'THROTTLE=off', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/none', ...env })

  expect(await run({})).toMatch(/NODE_ENV: is not set.*has read \.env\.development/)
  expect(await run({ NODE_ENV: 'production' })).not.toContain('NODE_ENV')
  expect(await run({ NODE_ENV: 'development' })).not.toContain('NODE_ENV')
})
