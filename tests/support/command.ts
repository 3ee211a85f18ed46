import { format } from 'node:util'
import { vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'

/**
 * Runs a command of the program in this process, in a tenth of the time that a process of its own takes. `runCommand` starts
 * one: for tests that need it, and for one test of each family of commands.
 */
export async function callCommand(words: string, { env }: { env: Record<string, string> }) {
  let output = ''
  const print = (...parts: unknown[]) => {
    output += `${format(...parts)}\n`
  }
  const write = (text: string | Uint8Array) => {
    output += text
    return true
  }
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(print),
    vi.spyOn(console, 'error').mockImplementation(print),
    vi.spyOn(process.stdout, 'write').mockImplementation(write),
    vi.spyOn(process.stderr, 'write').mockImplementation(write),
  ]
  try {
    const code = await runProgram(words.split(' ').filter(Boolean), env)
    return { code, output }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
