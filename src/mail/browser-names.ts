type Names = readonly (readonly [name: string, pattern: RegExp])[]

/** The order matters, because most browsers also name those that they resemble. */
const BROWSERS: Names = [
  ['Edge', /\bEdg(?:e|A|iOS)?\//],
  ['Opera', /\b(?:OPR|Opera)\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /\b(?:Chrome|CriOS)\//],
  ['Safari', /\bVersion\/\S+ (?:Mobile\/\S+ )?Safari\//],
]

const SYSTEMS: Names = [
  ['Windows', /\bWindows NT\b/],
  ['Android', /\bAndroid\b/],
  ['iOS', /\b(?:iPhone|iPad|iPod)\b/],
  ['macOS', /\bMac OS X\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Linux', /\bLinux\b/],
]

const findName = (names: Names, text: string) => names.find(([, pattern]) => pattern.test(text))?.[0]

/**
 * The browser and the system of a `User-Agent` header. Only names from a list, never the text of the header: an attacker
 * could use it to put a message into our mail.
 */
export function recogniseBrowser(userAgent: string) {
  return { browser: findName(BROWSERS, userAgent), system: findName(SYSTEMS, userAgent) }
}
