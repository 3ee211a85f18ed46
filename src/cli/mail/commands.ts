import type { Command } from 'commander'
import { JSON_OUTPUT, LIMIT, parseIdOf } from '../support/arguments.ts'
import type { Output } from '../support/output.ts'
import type { Environment } from '../support/with-core.ts'
import { exportTemplates, previewMails } from './files.ts'
import { listMails, retryMail } from './outbox.ts'

/** The commands about the words of mails, and about the mails that wait or failed. */
export function addMailCommands(program: Command, environment: Environment) {
  const mail = program
    .command('mail')
    .summary('look at the mails, and write them in your own words')
    .description('Shows the mails that users get, and how to change their words.')
  mail
    .command('preview')
    .summary('render every mail in every language into a folder')
    .description('Renders every mail in every language into a folder, with MAIL_TEMPLATES if it is set.')
    .argument('<folder>', 'a folder that is new or empty')
    .action((folder: string) => previewMails(environment, folder))
  mail
    .command('templates')
    .summary('write the templates of all mails into a folder')
    .description(
      'Writes the templates of all mails into a folder, where you can change them for MAIL_TEMPLATES.',
    )
    .argument('<folder>', 'a folder that is new or empty')
    .action((folder: string) => exportTemplates(environment, folder))
  mail
    .command('list')
    .summary('list the mails of the outbox, and why they failed')
    .description('Lists the mails of the outbox, the newest first, and why they failed.')
    .option('--failed', 'only those that were given up')
    .option(...LIMIT)
    .option(...JSON_OUTPUT)
    .action((options) => listMails(environment, options))
  mail
    .command('retry')
    .summary('send a failed mail again')
    .description('Sends a failed mail again.')
    .argument('<id>', 'the id of the mail, from the list', parseIdOf('mail', 'mail list'))
    .option(...JSON_OUTPUT)
    .action((id: string, options: Output) => retryMail(environment, id, options))
}
