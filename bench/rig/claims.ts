import { formatFigure, median, type Result, type Results } from './results.ts'

type Figure = [operation: string, subject: string, figure: string]
type Claim = { name: string; of: Figure; over?: Figure; atLeast?: number; atMost?: number }

const REST = '`me` by REST'
const GRAPHQL = '`me` by GraphQL'
const MANY = 'many connections, each asking `me` every two seconds'
const CLOSED = 'closed loops, asking `me` by REST'
const OVERLOAD = '`me` beside ten times as many other operations'
const DOCUMENTS = 'documents of real clients'
const FACTORS = 'second factors'
const FLOODED = 'Servauth, beside logins, refreshes and updates'
const RATE = 'answers/s'
const PROCESSOR = 'processor ms each'

/** What Servauth aims at. Ratios within one round, because single figures of a shared machine mean little. */
const CLAIMS: Claim[] = [
  ...['bearer', 'cookie'].flatMap((credential): Claim[] => {
    const rest: Figure = [REST, `Servauth, ${credential}`, RATE]
    const graphql: Figure = [GRAPHQL, `Servauth, ${credential}`, RATE]
    return [
      {
        name: `${REST}, ${credential} / bare Hono`,
        of: rest,
        over: [REST, 'bare Hono', RATE],
        atLeast: 0.75,
      },
      {
        name: `${REST}, ${credential} / Better-Auth`,
        of: rest,
        over: [REST, 'Better-Auth', RATE],
        atLeast: 30,
      },
      {
        name: `${GRAPHQL}, ${credential} / trimmed Yoga`,
        of: graphql,
        over: [GRAPHQL, 'trimmed Yoga', RATE],
        atLeast: 2,
      },
      {
        name: `${GRAPHQL}, ${credential} / graphql-js on Hono`,
        of: graphql,
        over: [GRAPHQL, 'graphql-js on Hono', RATE],
        atLeast: 0.7,
      },
    ]
  }),
  {
    name: 'login / bare Argon2id',
    of: ['login', 'Servauth', RATE],
    over: ['login', 'bare Argon2id, verify', RATE],
    atLeast: 0.95,
  },
  {
    name: 'password and code together / password alone',
    of: [FACTORS, 'Servauth, password and code', RATE],
    over: [FACTORS, 'Servauth, password alone', RATE],
    atLeast: 0.95,
  },
  ...['code alone', 'passkey'].map(
    (step): Claim => ({
      name: `${step} / password alone`,
      of: [FACTORS, `Servauth, ${step}`, RATE],
      over: [FACTORS, 'Servauth, password alone', RATE],
      atLeast: 10,
    }),
  ),
  {
    name: 'processor time of password and code together / of the password alone',
    of: [FACTORS, 'Servauth, password and code', PROCESSOR],
    over: [FACTORS, 'Servauth, password alone', PROCESSOR],
    atMost: 1.05,
  },
  ...['code alone', 'passkey'].map(
    (step): Claim => ({
      name: `processor time of the ${step} / of the password alone`,
      of: [FACTORS, `Servauth, ${step}`, PROCESSOR],
      over: [FACTORS, 'Servauth, password alone', PROCESSOR],
      atMost: 0.1,
    }),
  ),
  {
    name: 'processor time of a failed login, dearest / cheapest of all kinds of hashes',
    of: ['failed login, with five kinds of imported hashes', 'Servauth', 'largest median / smallest'],
    atMost: 1.05,
  },
  {
    name: 'register / bare Argon2id',
    of: ['register', 'Servauth', RATE],
    over: ['register', 'bare Argon2id, hash', RATE],
    atLeast: 0.85,
  },
  {
    name: 'refresh that rotates / bare transaction',
    of: ['refresh', 'Servauth, each one rotates', RATE],
    over: ['refresh', 'bare transaction of two statements', RATE],
    atLeast: 0.6,
  },
  { name: 'p95 of `me` with many connections, ms', of: [MANY, 'Servauth', 'p95 ms'], atMost: 200 },
  {
    name: 'the same while logins saturate the hashing gate, ms',
    of: [MANY, 'Servauth, while logins saturate the hashing gate', 'p95 ms'],
    atMost: 200,
  },
  {
    name: '`me` in closed loops, 10,000 connections / 32',
    of: [CLOSED, 'Servauth', `${RATE}, 10000 connections`],
    over: [CLOSED, 'Servauth', `${RATE}, 32 connections`],
    atLeast: 0.7,
  },
  {
    name: 'p95 of the 10,000 / bare Hono',
    of: [CLOSED, 'Servauth', 'p95 ms, 10000 connections'],
    over: [CLOSED, 'bare Hono', 'p95 ms, 10000 connections'],
    atMost: 2,
  },
  ...['answers/s', 'answers a processor second,'].map(
    (figure): Claim => ({
      name: `\`me\` beside ten times as many other operations / alone${figure === 'answers/s' ? '' : ', by processor time'}`,
      of: [OVERLOAD, FLOODED, `${figure} beside the flood`],
      over: [OVERLOAD, FLOODED, `${figure} alone`],
      atLeast: 0.5,
    }),
  ),
  {
    name: 'p95 of a refusal beside that, ms',
    of: [OVERLOAD, FLOODED, 'p95 ms of a refusal'],
    atMost: 250,
  },
  {
    name: `${REST}, with log lines / without`,
    of: [REST, 'Servauth, bearer', RATE],
    over: [REST, 'Servauth, bearer, without log lines', RATE],
    atLeast: 0.9,
  },
  ...['Apollo, fragment', 'Apollo, variable', 'urql'].map(
    (document): Claim => ({
      name: `document of ${document} / graphql-js on Hono`,
      of: [DOCUMENTS, `Servauth, ${document}`, RATE],
      over: [DOCUMENTS, `graphql-js on Hono, ${document}`, RATE],
      atLeast: 0.7,
    }),
  ),
  ...['sessions', 'events'].map(
    (list): Claim => ({
      name: `${list} by GraphQL / one prepared statement on Hono`,
      of: [DOCUMENTS, `Servauth, ${list}`, RATE],
      over: [DOCUMENTS, `one prepared statement on Hono, ${list}`, RATE],
      atLeast: 0.7,
    }),
  ),
  {
    name: "deliveries of webhooks in a second of a core, with PostgreSQL's processor time",
    of: ['webhooks', 'Servauth, deliveries', "by processor time with PostgreSQL's"],
    atLeast: 1000,
  },
  {
    name: 'deliveries of webhooks / bare loop of standardwebhooks and fetch, by processor time',
    of: ['webhooks', 'Servauth, deliveries', 'by processor time'],
    over: ['webhooks', 'bare loop of standardwebhooks and fetch', 'by processor time'],
    atLeast: 0.15,
  },
  { name: 'cold start, ms', of: ['cold start', 'Servauth', 'ready ms'], atMost: 300 },
  { name: 'memory after start, MiB', of: ['memory', 'Servauth', 'MiB after start'], atMost: 85 },
  {
    name: 'memory after the requests, MiB',
    of: ['memory', 'Servauth', 'MiB after the requests'],
    atMost: 200,
  },
  ...[
    'one account, 45 tokens and 5,500 documents',
    '100,000 documents without an account',
    'a million bad tokens',
  ].map(
    (subject): Claim => ({
      name: `memory under attack, MiB: ${subject}`,
      of: ['memory under attack', subject, 'MiB at most'],
      atMost: 220,
    }),
  ),
  {
    name: 'memory of an idle connection, KiB',
    of: ['memory', 'Servauth', 'KiB an idle connection'],
    atMost: 32,
  },
  ...[
    'Servauth, three processes',
    'Servauth, three processes under full load',
    'Servauth, one of three cut off from the database',
    'Servauth, one of three with a frozen database connection',
  ].map(
    (subject): Claim => ({
      name: `longest revocation lag, ms: ${subject.replace('Servauth, ', '')}`,
      of: ['revocation lag', subject, 'longest lag ms'],
      atMost: 250,
    }),
  ),
]

/** The claims that this run can check, as rows of a table. A subject with faults fulfils no claim. */
export function checkClaims({ results, troubles }: Results): string[][] {
  return CLAIMS.flatMap(({ name, of, over, atLeast, atMost }) => {
    const numerator = findResult(results, of)
    const denominator = over && findResult(results, over)
    if (!numerator || (over && !denominator)) return []
    const values = numerator.values.map(
      (value, round) => value / (denominator ? (denominator.values[round] ?? Number.NaN) : 1),
    )
    const middle = median(values)
    const faulty = troubles.some(({ operation, subject }) =>
      [of, over].some((figure) => figure?.[0] === operation && figure[1] === subject),
    )
    const holds = !faulty && middle >= (atLeast ?? -Infinity) && middle <= (atMost ?? Infinity)
    return [
      [
        name,
        formatFigure(middle),
        `${formatFigure(Math.min(...values))} to ${formatFigure(Math.max(...values))}`,
        atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`,
        faulty ? 'no: it had faults' : holds ? 'yes' : 'no',
      ],
    ]
  })
}

function findResult(results: Result[], [operation, subject, figure]: Figure) {
  return results.find(
    (one) => one.operation === operation && one.subject === subject && one.figure === figure,
  )
}
