import { z } from 'zod'
import { Time } from '../fields.ts'

export const Role = z
  .strictObject({
    name: z.string().meta({ examples: ['support'] }),
    permissions: z.array(z.string()).meta({
      description: '`*` is every permission.',
      examples: [['users:read', 'events:read', 'invoices:approve']],
    }),
    builtIn: z
      .boolean()
      .meta({ description: 'Whether the role is built in. Such a role cannot be changed.' }),
    changedAt: Time.nullable().meta({ description: 'When its permissions last changed.' }),
  })
  .meta({ id: 'Role' })
export type Role = z.output<typeof Role>
