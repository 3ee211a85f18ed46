import { readFile } from 'node:fs/promises'

const POLL_MS = 500
const MOST_ANCESTORS = 4

/**
 * Resolves when the command that started this process is gone. `npx` passes a signal on to its
 * shell but not to what runs in it, which would leave a development server behind on the port.
 * Needs Linux's /proc; elsewhere it never resolves.
 */
export async function untilOrphaned() {
  const chain = await ancestorsUpToNpm()
  for (;;) {
    for (const [pid, parent] of chain) {
      if ((await parentOf(pid)) !== parent) return
    }
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}

/** Pairs of process and parent from this one up to npm; above it a shell may come and go. */
async function ancestorsUpToNpm() {
  const chain: [number, number][] = []
  for (let pid = process.pid; chain.length < MOST_ANCESTORS; ) {
    const parent = await parentOf(pid)
    if (parent === undefined) return []
    chain.push([pid, parent])
    if ((await read(parent, 'cmdline'))?.startsWith('npm')) return chain
    pid = parent
  }
  return chain.slice(0, 1)
}

/** The fourth field of stat; the second, the command's name, may hold spaces and parentheses. */
async function parentOf(pid: number) {
  const stat = await read(pid, 'stat')
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
}

const read = (pid: number, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)
