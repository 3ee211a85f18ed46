import { afterAll } from 'vitest'
import { killRunning } from './process.ts'

// Runs for each test file.
afterAll(killRunning)
