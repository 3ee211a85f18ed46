import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { childrenOf, isGone } from './process.ts'
import { createScriptFolder } from './script-folder.ts'

/** Runs `bun run dev` of this project in a folder of its own and in real terminals. */
export async function createDevTerminal(PORT: string) {
  const { cwd, PATH } = await createScriptFolder('dev')
  let terminal: ChildProcess | undefined

  return {
    open() {
      const env = { PATH, PORT, HOME: process.env.HOME ?? '' }
      terminal = spawn('script', ['-qefc', 'bun run dev', '/dev/null'], { cwd, env })
    },
    type: (keys: string) => terminal?.stdin?.write(keys),
    close: () => terminal?.kill('SIGKILL'),

    /** `bun run`, its shell, the server and the supervisor of PostgreSQL. */
    async processes() {
      const chain: number[] = []
      for (let pid = terminal?.pid; pid; pid = (await childrenOf(pid))[0]) chain.push(pid)
      const [, run = 0, shell = 0, server = 0, supervisor = 0] = chain
      return { run, shell, server, supervisor }
    },

    async postgres() {
      const file = await readFile(join(cwd, '.servauth/postgres/postmaster.pid'), 'utf8')
      return Number(file.split('\n')[0])
    },

    /** Kills what a failed test has left. */
    async kill() {
      const pids = Object.values(await this.processes()).filter(Boolean)
      for (const pid of pids) if (!(await isGone(pid))) process.kill(pid, 'SIGKILL')
      terminal?.kill('SIGKILL')
    },
  }
}
