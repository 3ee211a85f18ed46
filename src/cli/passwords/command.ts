import { type Command, InvalidArgumentError } from 'commander'

/** The command that makes the file of breached passwords. What makes it is loaded only then. */
export function addPasswordCommand(program: Command) {
  program
    .command('passwords')
    .summary('make the file of breached passwords')
    .description('Makes the file of breached passwords, for BREACHED_PASSWORDS.')
    .command('build')
    .summary('make the file from a dump of SHA-1 hashes with counts')
    .description(
      'Makes the file from a dump of SHA-1 hashes with counts, sorted by hash, as the downloader of Pwned Passwords writes' +
        ' it. "-" reads it from the standard input.',
    )
    .argument('<dump>', 'the dump: lines as hash:count')
    .option('--min-count <number>', 'leave out passwords that were seen less often', parseCount, 1)
    .option('--output <file>', 'the file to write', 'breached-passwords.bin')
    .action(async (dump: string, options: { minCount: number; output: string }) =>
      (await import('./build.ts')).buildBreachedPasswords(dump, options),
    )
}

function parseCount(value: string) {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a number from 1.')
}
