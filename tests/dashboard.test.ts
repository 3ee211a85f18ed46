import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { freePort } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { scrape } from './support/scrape.ts'

/** The names and labels that Prometheus itself adds. */
const ITS_OWN = { names: ['up'], labels: ['job', 'instance'] }

const read = (path: string) => readFile(new URL(`../examples/${path}`, import.meta.url), 'utf8')

type Dashboard = { panels: { title: string; datasource?: { uid: string }; targets?: { expr: string }[] }[] }
type Alerts = {
  groups: { rules: { alert: string; expr: string; for: string; annotations: Record<string, string> }[] }[]
}

const dashboard: Dashboard = JSON.parse(await read('grafana/dashboard.json'))
const { rules } = (Bun.YAML.parse(await read('prometheus/alerts.yml')) as Alerts).groups[0] ?? { rules: [] }
const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
]

const database = useDatabase()
let scraped: Awaited<ReturnType<typeof scrape>>
beforeAll(async () => {
  const metricsPort = await freePort()
  const server = await startProgram({
    METRICS_PORT: String(metricsPort),
    DATABASE_URL: database.url,
    THROTTLE: 'on',
  })
  const { client, input } = await server.registerUser()
  for (let attempt = 0; attempt < 7; attempt++) await client.login({ ...input, password: 'the wrong one' })
  scraped = await scrape(metricsPort)
  await server.stop()
})

test.each(queries)('%s queries metrics and labels that the server has: %s', (_, query) => {
  const names = [...query.matchAll(/\b(?:(?:servauth|process|nodejs)_\w+|up)\b/g)].map(([name]) => name)
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) expect([...scraped.names, ...ITS_OWN.names]).toContain(name)

  const labels = [
    ...[...query.matchAll(/\b(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label),
    ...[...query.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
  ]
  const known = [...scraped.text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label)
  for (const label of labels) expect([...known, ...ITS_OWN.labels]).toContain(label)
})

test('the dashboard lets the operator choose the Prometheus', () => {
  for (const { datasource } of dashboard.panels.filter(({ targets }) => targets))
    expect(datasource?.uid).toBe(`$\{datasource}`)
  expect(dashboard).toMatchObject({ templating: { list: [{ name: 'datasource', type: 'datasource' }, {}] } })
})

test('each of the four alerts says what to do', () => {
  expect(rules.map(({ alert }) => alert)).toEqual([
    'ServauthNotReady',
    'ServauthFailing',
    'ServauthMailStuck',
    'ServauthWebhookStuck',
  ])
  for (const { annotations } of rules) expect(annotations.what_to_do?.length).toBeGreaterThan(100)
})
