import { formatFigure, median, type Result } from './results.ts'

const WIDTH = 760
const LABEL_WIDTH = 250
const BAR_WIDTH = WIDTH - LABEL_WIDTH - 70
const ROW_HEIGHT = 24

/** Colours that are readable on white and on black, because the page around the chart may be either. */
const TEXT = '#7d8590'
const OURS = '#2f81f7'
const OTHERS = '#9aa4af'

/** Draws bars of answers per second. Each operation has its own scale. The line shows the range of the rounds. */
export function drawChart(results: Result[]) {
  const rates = results.filter(
    ({ figure, operation }) => figure === 'answers/s' && !operation.startsWith('many'),
  )
  const groups = Map.groupBy(rates, ({ operation }) => operation)
  const parts: string[] = []
  let y = 30
  for (const [operation, bars] of groups) {
    const scale = BAR_WIDTH / Math.max(...bars.flatMap(({ values }) => values))
    parts.push(drawText(0, y, `${operation.replaceAll('`', '')}, answers a second`, 'font-weight="600"'))
    y += 10
    for (const { subject, values } of bars.toSorted((a, b) => median(b.values) - median(a.values))) {
      const length = Math.max(1, median(values) * scale)
      const [low, high] = [Math.min(...values) * scale, Math.max(...values) * scale]
      const fill = subject.startsWith('Servauth') ? OURS : OTHERS
      const middle = y + ROW_HEIGHT / 2
      parts.push(
        drawText(LABEL_WIDTH - 8, middle + 4, subject, 'text-anchor="end"'),
        `<rect x="${LABEL_WIDTH}" y="${y + 4}" width="${length.toFixed(1)}" height="${ROW_HEIGHT - 8}" rx="2" fill="${fill}"/>`,
        `<path d="M${(LABEL_WIDTH + low).toFixed(1)} ${middle}H${(LABEL_WIDTH + high).toFixed(1)}" stroke="${TEXT}"/>`,
        drawText(LABEL_WIDTH + Math.max(length, high) + 8, middle + 4, formatFigure(median(values))),
      )
      y += ROW_HEIGHT
    }
    y += 34
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y - 20}" font-family="system-ui, sans-serif" font-size="13">
${parts.join('\n')}
</svg>
`
}

function drawText(x: number, y: number, content: string, attributes = '') {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${TEXT}" ${attributes}>${escaped}</text>`
}
