import { readFile } from 'node:fs/promises'

const POLL_MS = 500
const MAX_ANCESTORS = 4

/**
 * Resolves when the command that started this process has ended. `npx` forwards a signal to its shell but not to
 * the program in it, so a development server would stay behind and block its port.
 * Needs Linux's /proc. On other systems it never resolves.
 */
export async function waitUntilOrphaned() {
  const chain = await readAncestorsUpToNpm()
  for (;;) {
    for (const [pid, parent] of chain) {
      if ((await readParentPid(pid)) !== parent) return
    }
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}

/** Pairs of process and parent, from this process up to npm. A shell above npm may end at any time. */
async function readAncestorsUpToNpm() {
  const chain: [number, number][] = []
  for (let pid = process.pid; chain.length < MAX_ANCESTORS; ) {
    const parent = await readParentPid(pid)
    if (parent === undefined) return []
    chain.push([pid, parent])
    if ((await readProcFile(parent, 'cmdline'))?.startsWith('npm')) return chain
    pid = parent
  }
  return chain.slice(0, 1)
}

/** The fourth field of stat. Counted from the last parenthesis, because the command's name may contain spaces. */
async function readParentPid(pid: number) {
  const stat = await readProcFile(pid, 'stat')
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
}

const readProcFile = (pid: number, file: string) =>
  readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)
