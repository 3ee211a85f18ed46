import type { openDatabases } from './database.ts'
import type { Pinning } from './pinning.ts'

/** The tools and settings that every measurement needs. */
export type Bench = {
  databases: Awaited<ReturnType<typeof openDatabases>>
  pinning: Pinning
  /** A folder for temporary files. */
  scratch: string
  /** How long a rate is measured. */
  seconds: number
  /** How many connections are held open in `connections` and `memory`. */
  connections: number
  /** How many requests are sent before memory is measured again. */
  requests: number
}

/** The result of one measurement: figures by name, and all faults. */
export type Sample = { figures: Record<string, number>; faults: string[] }

/** A server or program that is compared with others: opened once, measured in every round, closed at the end. */
export type Subject = {
  name: string
  open: (bench: Bench) => Promise<{ measure: () => Promise<Sample>; close: () => Promise<void> }>
}

/** One kind of measurement, and the subjects that it compares. */
export type Operation = { title: string; subjects: Subject[] }
