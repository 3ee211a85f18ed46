import { z } from 'zod'
import { Time } from '../fields.ts'

export const ServiceKeyRecord = z
  .strictObject({
    id: z.uuid(),
    name: z.string().meta({ description: 'The service.', examples: ['orders'] }),
    scopes: z
      .array(z.string())
      .meta({ description: 'The permissions of the key.', examples: [['revocations:read']] }),
    createdAt: Time,
    expiresAt: Time.nullable().meta({ description: 'Null if it does not expire.' }),
    lastUsedAt: Time.nullable().meta({ description: 'Up to five minutes old.' }),
    revokedAt: Time.nullable(),
    valid: z.boolean().meta({ description: 'Whether it is neither revoked nor expired.' }),
  })
  .meta({ id: 'ServiceKey', description: 'The key of another service. The key itself is not stored.' })
export type ServiceKeyRecord = z.output<typeof ServiceKeyRecord>

export const CreatedServiceKey = z
  .strictObject({
    key: z.string().meta({
      description: 'The key. It is shown once.',
      examples: ['servauth_0123456789ABCDEFGHIJabcdefghij0123456789000000'],
    }),
    serviceKey: ServiceKeyRecord,
  })
  .meta({ id: 'CreatedServiceKey' })
export type CreatedServiceKey = z.output<typeof CreatedServiceKey>
