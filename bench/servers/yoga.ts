import { createSchema, createYoga } from 'graphql-yoga'
import { SCHEMA, USER } from './user.ts'

/** Yoga through its own `fetch`, without the optional parts of its HTTP layer, answering a constant. */
const yoga = createYoga({
  schema: createSchema({ typeDefs: SCHEMA, resolvers: { Query: { me: () => USER } } }),
  maxRequestBodySize: false,
  multipart: false,
  cors: false,
  graphiql: false,
  landingPage: false,
  logging: false,
})

Bun.serve({ port: Number(process.env.PORT), idleTimeout: 30, fetch: yoga.fetch })
