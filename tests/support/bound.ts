const SETPRIV = process.platform === 'linux' ? Bun.which('setpriv') : null

/**
 * For `spawn`: the program and its arguments, so that it ends with the thread that starts it, also if that is killed.
 * Only Linux can do this. Elsewhere, a run that is killed leaves its programs.
 */
export const bound = (program: string, args: string[]): [string, string[]] =>
  SETPRIV ? [SETPRIV, ['--pdeathsig', 'KILL', program, ...args]] : [program, args]
