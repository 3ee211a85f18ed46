import { z } from 'zod'

/** The sections follow from the tables, so the contract does not list their members. */
export const AccountExport = z.record(z.string(), z.unknown()).meta({
  id: 'AccountExport',
  description: 'Everything that is kept about a user, by section.',
  examples: [
    {
      exportedAt: '2026-11-24T10:15:00.000Z',
      account: { id: '0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10', email: 'ada@example.com' },
      sessions: [],
      events: [],
    },
  ],
})
