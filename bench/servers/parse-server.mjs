import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { ParseGraphQLServer, ParseServer } from 'parse-server'

/** Parse Server on PostgreSQL and Node (which it requires), with REST and GraphQL. */
const port = Number(process.env.PORT)
const serverURL = `http://localhost:${port}/parse`
const parseServer = new ParseServer({
  databaseURI: process.env.DATABASE_URL,
  appId: 'bench',
  masterKey: process.env.AUTH_SECRET,
  maintenanceKey: `${process.env.AUTH_SECRET}-maintenance`,
  serverURL,
  silent: true,
  logLevel: 'error',
})
await parseServer.start()

const app = express()
app.use('/parse', parseServer.app)
new ParseGraphQLServer(parseServer, { graphQLPath: '/graphql' }).applyGraphQL(app)

const server = createServer({ keepAliveTimeout: 30_000 }, app)
await once(server.listen(port), 'listening')
