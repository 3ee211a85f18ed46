/** The constant answer: a user in the format of Servauth. */
export const USER = {
  id: '0198e1a0-4f5e-4c52-9d3b-6a1f0c2b7d10',
  email: 'user-0000001@bench.test',
  emailVerified: false,
  pendingEmail: null,
  username: 'user 1',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}

export const SCHEMA = /* GraphQL */ `
  type Query {
    me: User
  }

  type User {
    id: ID!
    email: String!
    emailVerified: Boolean!
    pendingEmail: String
    username: String
    createdAt: String!
    updatedAt: String!
  }
`
