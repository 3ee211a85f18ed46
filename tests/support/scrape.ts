/** One scrape of the metrics: every sample by its name and labels. */
export async function scrape(port: number) {
  const response = await fetch(`http://localhost:${port}/metrics`)
  const text = await response.text()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, series = '', value] = /^([^#\s].*) (\S+)$/.exec(line) ?? []
    if (series) samples.set(series, Number(value))
  }
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text,
    names: new Set([...samples.keys()].map((series) => series.replace(/\{.*/, ''))),
    /** The sum of the samples with this name and these labels. */
    sum(name: string, labels: Record<string, string> = {}) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      return [...samples]
        .filter(([series]) => series === name || series.startsWith(`${name}{`))
        .filter(([series]) => wanted.every((label) => series.includes(label)))
        .reduce((sum, [, value]) => sum + value, 0)
    },
  }
}
