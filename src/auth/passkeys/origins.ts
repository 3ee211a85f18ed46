type Settings = {
  PUBLIC_URL: string
  APP_URL: string
  ALLOWED_ORIGINS: string[]
  PASSKEY_RP_ID: string
  PASSKEY_ORIGINS: string[]
}

/** The origins that may use passkeys: this server's own pages under the domain of the passkeys, and `PASSKEY_ORIGINS`. */
export function listPasskeyOrigins({
  PUBLIC_URL,
  APP_URL,
  ALLOWED_ORIGINS,
  PASSKEY_RP_ID,
  PASSKEY_ORIGINS,
}: Settings) {
  const pages = [PUBLIC_URL, APP_URL, ...ALLOWED_ORIGINS].flatMap((url) => URL.parse(url) ?? [])
  const own = pages.filter(({ hostname }) => `.${hostname}`.endsWith(`.${PASSKEY_RP_ID}`))
  return [...new Set([...own.map(({ origin }) => origin), ...PASSKEY_ORIGINS])]
}
