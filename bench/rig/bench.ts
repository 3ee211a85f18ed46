import type { openDatabases } from './database.ts'
import type { Pinning } from './pinning.ts'

/** What every measurement is given. */
export type Bench = {
  databases: Awaited<ReturnType<typeof openDatabases>>
  pinning: Pinning
  /** A folder for files of this run. */
  scratch: string
  /** How long each measurement of a rate lasts. */
  seconds: number
  /** How many connections are held where many are. */
  connections: number
  /** How many requests come before memory is looked at again. */
  requests: number
}

/** What one measurement found: figures by their names, and whatever was not right. */
export type Sample = { figures: Record<string, number>; faults: string[] }

/** One thing held against others: opened once, measured in every round, closed at the end. */
export type Subject = {
  name: string
  open: (bench: Bench) => Promise<{ measure: () => Promise<Sample>; close: () => Promise<void> }>
}

/** What is measured on all its subjects side by side. */
export type Operation = { title: string; subjects: Subject[] }
