/** Debian installs servers in a folder that is not on the path of every user. */
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin`

/**
 * Finds a program that tests start, by its name or its path. A test without its program is skipped, which is reported.
 * CI installs all of them (`.ci/run`), so there a missing one is a failure.
 * @returns its path, which is empty if it is missing
 */
export function findProgram(name: string) {
  const path = Bun.which(name, { PATH }) ?? ''
  return reportMissing(name, path !== '') ? path : ''
}

/** The same for what is not a program of its own. */
export function reportMissing(name: string, isInstalled: boolean) {
  if (isInstalled) return true
  if (process.env.CI) throw new Error(`${name} is missing, and no test may be skipped on CI`)
  process.stderr.write(`${name} is missing: the tests that need it are skipped\n`)
  return false
}
