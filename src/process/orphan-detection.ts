import { readFile } from 'node:fs/promises'

const POLL_MS = 500
const MAX_ANCESTORS = 6

/** The command of npm (or npx), pnpm, yarn, bunx, or of Bun with the name of a script. */
const PACKAGE_RUNNER = /^(\S*\/)?((npm|npx|pnpm|yarn|bunx)[\0\s]|bun(\.exe)?\0[\w:]+\0)/

/**
 * Resolves when a package runner (`npx`, `bun run`) that started this process has ended, or a process between them. `npx`
 * forwards a signal to its shell but not to the program in it, which would stay behind and block its port.
 * Needs Linux's /proc. On other systems it never resolves.
 * @param includesParent whether the end of the parent counts too, if no package runner started this process
 */
export async function waitUntilOrphaned(includesParent: boolean) {
  const chain = await readChain(includesParent ? 1 : 0)
  for (;;) {
    for (const [pid, parent] of chain) {
      if ((await readParentPid(pid)) !== parent) return
    }
    await Bun.sleep(POLL_MS)
  }
}

/** Pairs of process and parent, from this process up to its topmost package runner. A shell above it may end at any time. */
async function readChain(minLength: number) {
  const ancestors: [number, number][] = []
  let length = minLength
  for (let pid = process.pid; ancestors.length < MAX_ANCESTORS; ) {
    const parent = await readParentPid(pid)
    if (parent === undefined) break
    ancestors.push([pid, parent])
    if (PACKAGE_RUNNER.test((await readProcFile(parent, 'cmdline')) ?? '')) length = ancestors.length
    pid = parent
  }
  return ancestors.slice(0, length)
}

/** The fourth field of stat. Counted from the last parenthesis, because the command's name may contain spaces. */
async function readParentPid(pid: number) {
  const stat = await readProcFile(pid, 'stat')
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
}

const readProcFile = (pid: number, file: string) =>
  readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)
