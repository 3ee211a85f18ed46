import { median, type Result, shown } from './results.ts'

const WIDTH = 760
const LABELS = 250
const BARS = WIDTH - LABELS - 70
const ROW = 24

/** Tones that can be read on white and on black alike, since the page around the chart may be either. */
const TEXT = '#7d8590'
const OURS = '#2f81f7'
const OTHERS = '#9aa4af'

/** Bars of answers a second, an operation a group, each group on a scale of its own; the line spans the rounds. */
export function chart(results: Result[]) {
  const rates = results.filter(
    ({ figure, operation }) => figure === 'answers/s' && !operation.startsWith('many'),
  )
  const groups = Map.groupBy(rates, ({ operation }) => operation)
  const parts: string[] = []
  let y = 30
  for (const [operation, bars] of groups) {
    const scale = BARS / Math.max(...bars.flatMap(({ values }) => values))
    parts.push(text(0, y, `${operation.replaceAll('`', '')}, answers a second`, 'font-weight="600"'))
    y += 10
    for (const { subject, values } of bars.toSorted((a, b) => median(b.values) - median(a.values))) {
      const length = Math.max(1, median(values) * scale)
      const [low, high] = [Math.min(...values) * scale, Math.max(...values) * scale]
      const fill = subject.startsWith('Servauth') ? OURS : OTHERS
      const middle = y + ROW / 2
      parts.push(
        text(LABELS - 8, middle + 4, subject, 'text-anchor="end"'),
        `<rect x="${LABELS}" y="${y + 4}" width="${length.toFixed(1)}" height="${ROW - 8}" rx="2" fill="${fill}"/>`,
        `<path d="M${(LABELS + low).toFixed(1)} ${middle}H${(LABELS + high).toFixed(1)}" stroke="${TEXT}"/>`,
        text(LABELS + Math.max(length, high) + 8, middle + 4, shown(median(values))),
      )
      y += ROW
    }
    y += 34
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y - 20}" font-family="system-ui, sans-serif" font-size="13">
${parts.join('\n')}
</svg>
`
}

function text(x: number, y: number, content: string, attributes = '') {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${TEXT}" ${attributes}>${escaped}</text>`
}
