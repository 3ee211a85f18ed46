import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ENV_NAMES, loadEnv } from '../src/env.ts'
import { RATE_LIMITS } from '../src/settings/throttle.ts'
import { createFile, createFolder } from './support/folder.ts'

const complete = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://servauth@localhost/servauth',
  AUTH_SECRET: randomBytes(32).toString('base64'),
  PUBLIC_URL: 'https://auth.example.com',
}

/** The lines of the refusal, one for each fault. */
function faultsOf(source: Record<string, string>) {
  try {
    loadEnv(source)
    return []
  } catch (error) {
    return String((error as Error).message)
      .split('\n')
      .slice(1, -1)
      .map((line) => line.trim())
  }
}

describe('the environment', () => {
  test('the settings have the documented defaults', () => {
    expect(loadEnv(complete)).toMatchObject({
      PORT: 3000,
      ACCESS_TOKEN_SECONDS: 900,
      ACCESS_TOKEN_AUDIENCE: ['https://auth.example.com'],
      ACCESS_TOKEN_TYP: 'at+jwt',
      SESSION_IDLE_SECONDS: 604_800,
      SESSION_MAX_SECONDS: 2_592_000,
      EVENT_RETENTION_DAYS: 90,
      EVENT_MAX_ROWS: 10_000_000,
      SIGN_IN_MAILS: true,
      ALLOWED_ORIGINS: [],
      GRAPHIQL: false,
      INTROSPECTION: false,
      PUBLISH_SCHEMA: false,
      PUBLISH_VERSION: false,
      SHUTDOWN_DELAY_SECONDS: 0,
      DOCS: false,
      FEDERATION: false,
      THROTTLE: true,
      THROTTLE_LIMITS: RATE_LIMITS,
      PASSWORD_MIN_LENGTH: 8,
      ARGON2_MEMORY_KIB: 19_456,
      ARGON2_PASSES: 2,
      ARGON2_LANES: 1,
    })
    expect(loadEnv({ NODE_ENV: 'development', PORT: '4000' })).toMatchObject({
      PUBLIC_URL: 'http://localhost:4000',
      GRAPHIQL: true,
      INTROSPECTION: true,
      DOCS: true,
    })
  })

  const REFUSED: [name: string, value: string, sentence: RegExp][] = [
    ['NODE_ENV', 'prod', /must be production, development or test/],
    ['AUTH_SECRET', 'short', /at least 32 random bytes; make one with: openssl/],
    ['AUTH_SECRET', 'a'.repeat(64), /does not look random/],
    ['AUTH_SECRET', 'abc123'.repeat(12), /does not look random/],
    ['AUTH_SECRET', 'this-is-a-very-long-secret-for-production-use', /does not look random/],
    ['AUTH_SECRET', 'the quick brown fox jumps over the 1 lazy dog', /does not look random/],
    ['AUTH_SECRET', 'thequickbrownfoxjumpsoverthelazydog', /does not look random/],
    ['AUTH_SECRET', randomBytes(24).toString('hex'), /fewer than 64 hexadecimal digits/],
    [
      'AUTH_SECRET_PREVIOUS',
      complete.AUTH_SECRET,
      /must not be AUTH_SECRET: set AUTH_SECRET to a new secret/,
    ],
    ['AUTH_SECRET_FILE', '/nowhere/auth-secret', /cannot be read \(ENOENT\): it must be the path of a file/],
    ['AUTH_SECRET_FILE', tmpdir(), /cannot be read \(EISDIR\)/],
    [
      'AUTH_SECRET_FILE',
      fileURLToPath(import.meta.url),
      /must not be set beside AUTH_SECRET|not look random/,
    ],
    ['DATABASE_URL_FILE', '/nowhere/url', /cannot be read \(ENOENT\): it must be the path of a file/],
    ['DATABASE_URL_FILE', fileURLToPath(import.meta.url), /must not be set beside DATABASE_URL/],
    ['SMTP_URL_FILE', '/nowhere/url', /cannot be read \(ENOENT\): it must be the path of a file/],
    ['AUTH_SECRET_PREVIOUS', 'too short', /must hold at least 32 bytes, as every earlier secret did/],
    ['AUTH_SECRET_PREVIOUS_FILE', '/nowhere/auth-secret', /cannot be read \(ENOENT\)/],
    ['PUBLIC_URL', 'http://auth.example.com', /must be an https origin without a path/],
    ['PUBLIC_URL', 'https://auth.example.com/path', /must be an https origin without a path/],
    ['PUBLIC_URL', 'https://auth.example.com?x', /must be an https origin/],
    ['PUBLIC_URL', 'https://user:pass@auth.example.com', /must be an https origin/],
    ['PUBLIC_URL', 'https://*.example.com', /must be an https origin/],
    ['PUBLIC_URL', 'auth.example.com', /must be an https origin/],
    ['PUBLIC_URL', 'http://192.168.1.7:3000', /must be https in production; only localhost/],
    ['PUBLIC_URL', 'https://auth.example.com"', /must be an https origin/],
    ['PUBLIC_URL', 'https://auth.example.com;', /must be an https origin/],
    ['PUBLIC_URL', 'https://auth.example.com.', /must be an https origin/],
    ['PUBLIC_URL', 'https://auth..example.com', /must be an https origin/],
    ['PUBLIC_URL', 'https://-auth.example.com', /must be an https origin/],
    ['PUBLIC_URL', `https://${'a'.repeat(64)}.example.com`, /must be an https origin/],
    ['PUBLIC_URL', `https://${'a.'.repeat(126)}com`, /must be an https origin/],
    ['PUBLIC_URL', 'https:auth.example.com', /must be an https origin/],
    ['PUBLIC_URL', 'https:/auth.example.com', /must be an https origin/],
    ['PUBLIC_URL', 'https://auth.example.com:0', /must be an https origin/],
    ['PUBLIC_URL', 'https://010.0.0.1', /must be an https origin/],
    ['DATABASE_URL', 'mysql://localhost/x', /must be a URL, such as postgres/],
    ['ALLOWED_ORIGINS', "https://app.example.com,'https://admin.example.com'", /item 2 must be/],
    [
      'ALLOWED_ORIGINS',
      'https://app.example.com;https://admin.example.com',
      /must be an https origin.*commas/,
    ],
    ['ALLOWED_ORIGINS', 'https://app.example.com https://admin.example.com', /commas between its items/],
    ['ALLOWED_ORIGINS', '["https://app.example.com"]', /commas between its items, and no other signs/],
    ['TRUSTED_PROXIES', '10.0.1.7 10.0.1.8', /must be an IP address.*commas between its items/],
    ['METRICS_PORT', 'tcp://10.96.0.1:9464', /link of Kubernetes.*enableServiceLinks: false/],
    ['ADMIN_PORT', 'tcp://10.96.0.1:80', /link of Kubernetes/],
    ['ALLOWED_ORIGINS', 'https://$APP', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'https://app.example.com,*', /item 2 would allow every page/],
    ['ALLOWED_ORIGINS', 'null', /origin of any sandboxed page/],
    ['ALLOWED_ORIGINS', 'file://', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'app.example.com', /must begin with https/],
    ['ALLOWED_ORIGINS', 'https://app.example.com/login', /must be an https origin without a path/],
    ['ALLOWED_ORIGINS', 'https://app.example.com#x', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'http://app.example.com', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'http://192.168.1.7:5173', /must be https in production/],
    ['ALLOWED_ORIGINS', 'htps://app.example.com', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'capacitor://localhost/index.html', /must be an https origin/],
    ['ALLOWED_ORIGINS', 'http://*.localhost', /only as the first label of an https origin/],
    ['ALLOWED_ORIGINS', 'https://app.*.example.com', /only as the first label/],
    ['ALLOWED_ORIGINS', 'https://*.*.example.com', /only as the first label/],
    ['ALLOWED_ORIGINS', 'https://app-*.example.com', /only as the first label/],
    ['ALLOWED_ORIGINS', 'https://*.com', /pages of other people/],
    ['ALLOWED_ORIGINS', 'https://*.co.uk', /pages of other people/],
    ['ALLOWED_ORIGINS', 'https://*.vercel.app', /pages of other people/],
    ['ALLOWED_ORIGINS', 'https://*.github.io', /pages of other people/],
    ['TRUSTED_PROXIES', '10.0.0.0/8,nonsense', /item 2 must be an IP address/],
    ['TRUSTED_PROXIES', '0.0.0.0', /must be an IP address/],
    ['TRUSTED_PROXIES', '::', /must be an IP address/],
    ['TRUSTED_PROXIES', '10.0.0.0/', /must be an IP address/],
    ['TRUSTED_PROXIES', '10.0.0/8', /must be an IP address/],
    ['TRUSTED_PROXIES', '10.0.0.0/8/x', /must be an IP address/],
    ['TRUSTED_PROXIES', '10.1', /must be an IP address/],
    ['TRUSTED_PROXIES', '0x0a.0.0.1', /must be an IP address/],
    ['TRUSTED_PROXIES', 'nginx', /must be an IP address/],
    ['TRUSTED_PROXIES', '10.0.0.0/64', /at most 32 after the slash/],
    ['TRUSTED_PROXIES', 'fd00::/129', /at most 128 after the slash/],
    ['TRUSTED_PROXIES', '0.0.0.0/0', /too wide/],
    ['TRUSTED_PROXIES', '0.0.0.0/1,128.0.0.0/1', /item 1 is too wide.*\n.*item 2 is too wide/],
    ['TRUSTED_PROXIES', '::/0', /too wide/],
    ['TRUSTED_PROXIES', '2000::/3', /too wide/],
    ['TRUSTED_PROXIES', '::ffff:0:0/96', /too wide/],
    ['TRUSTED_PROXIES', '10.0.1.7/8', /has bits after its prefix/],
    ['HOST', 'auth.example.com', /must be an IP address of this machine/],
    ['HOST', '127.0.0.1:3000', /must be an IP address/],
    ['HOST', '*', /must be an IP address/],
    ['METRICS_HOST', 'http://127.0.0.1', /must be an IP address/],
    ['PORT', '0', /from 1 to 65535/],
    ['PORT', '70000', /from 1 to 65535/],
    ['PORT', '3e3', /in digits and without a unit/],
    ['PORT', '-1', /in digits/],
    ['PORT', '0x10', /in digits/],
    ['WORKERS', '1.5', /in digits/],
    ['METRICS_PORT', '0', /from 1 to 65535/],
    ['METRICS_PORT', '3000', /must not be PORT/],
    ['ADMIN_PORT', '3000', /must not be PORT or METRICS_PORT/],
    ['ADMIN_PORT', 'on', /from 1 to 65535/],
    ['ACCESS_TOKEN_SECONDS', '4', /from 5 to 3600/],
    ['ACCESS_TOKEN_SECONDS', '3601', /from 5 to 3600/],
    ['ACCESS_TOKEN_SECONDS', '15m', /without a unit/],
    [
      'ACCESS_TOKEN_AUDIENCE',
      'https://a.example https://b.example',
      /must have commas, and no blanks, between its names$/,
    ],
    ['ACCESS_TOKEN_AUDIENCE', ',', /is a list without an item/],
    ['ACCESS_TOKEN_ALG', 'HS256', /must be ES256, RS256 or EdDSA/],
    ['SERVICE_KEYS', 'orders', /must be name=hash; make one with: servauth service-key create/],
    ['SERVICE_KEYS', 'orders=a-key-and-not-its-hash', /must be name=hash/],
    ['ACCESS_TOKEN_TYP', 'at-jwt', /must be at\+jwt or JWT/],
    ['SESSION_IDLE_SECONDS', '7 days', /without a unit/],
    ['SESSION_IDLE_SECONDS', '9999999', /must not be more than SESSION_MAX_SECONDS/],
    ['SESSION_MAX_SECONDS', '99999999999999', /from 1 to 31536000/],
    ['INTROSPECTION', '0', /must be true or false/],
    ['DOCS', 'on', /must be true or false/],
    ['FEDERATION', 'on', /must be true or false/],
    ['PUBLISH_SCHEMA', '1', /must be true or false/],
    ['PUBLISH_VERSION', 'no', /must be true or false/],
    ['SIGN_IN_MAILS', 'off', /must be true or false/],
    ['OTEL_SDK_DISABLED', '1', /must be true or false/],
    ['PASSKEY_RP_ID', 'https://example.com', /must be a domain alone/],
    ['PASSKEY_RP_ID', 'co.uk', /would share passkeys with other people/],
    ['PASSKEY_RP_ID', 'example.net', /must be the domain of PUBLIC_URL, or a domain above it/],
    ['PASSKEY_ORIGINS', 'example.co.uk', /must be an https origin/],
    ['PASSKEY_ORIGINS', 'android:apk-key-hash:abc', /must have the 43 characters/],
    ['PASSKEY_ORIGINS', 'http://192.168.1.7:5173', /must be https in production/],
    ['SECOND_FACTOR', 'true', /must be optional or required/],
    ['CLAIMS', 'hasura,keycloak', /item 2 must be hasura or postgrest/],
    ['CLAIMS_FILE', '/nowhere/claims.json', /cannot be read \(ENOENT\)/],
    ['CLAIMS_FILE', 'tests/fixtures/claims-with-prototype.json', /has a field __proto__/],
    ['CLAIMS_FILE', 'biome.json', /must be a file with a JSON object/],
    ['EVENT_RETENTION_DAYS', '90d', /without a unit/],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'grpc://collector:4317', /must be an http or https URL/],
    ['GRAPHIQL', 'yes', /must be true or false/],
    ['GRAPHIQL', 'TRUE', /must be true or false/],
    ['THROTTLE', 'false', /must be on or off/],
    ['LOG_LEVEL', 'warning', /must be fatal, error, warn,/],
    ['SHUTDOWN_DELAY_SECONDS', '-1', /from 0 to 300/],
    ['PASSWORD_MIN_LENGTH', '7', /from 8 to 64/],
    ['PASSWORD_MIN_LENGTH', '65', /from 8 to 64/],
    ['BREACHED_PASSWORDS', '/no/such/file', /may read/],
    ['BREACHED_PASSWORDS', '.', /path of a file: make one/],
    ['ARGON2_MEMORY_KIB', '7167', /from 7168 to/],
    ['ARGON2_MEMORY_KIB', '19MiB', /without a unit/],
    ['ARGON2_MEMORY_KIB', '16000', /times ARGON2_PASSES must be at least 35840/],
    ['ARGON2_PASSES', '0', /from 1 to 20/],
    ['ARGON2_LANES', '9', /from 1 to 8/],
    ['THROTTLE_LIMITS', 'loginPerAddress', /must be name=count\/seconds/],
    ['THROTTLE_LIMITS', 'loginPerAddress=0/60', /numbers above 0/],
    ['THROTTLE_LIMITS', 'loginPerAddress=5/0', /numbers above 0/],
    ['THROTTLE_LIMITS', 'loginPerAddress=5/60,loginPerAddress=6/60', /must name each limit once/],
    ['THROTTLE_LIMITS', 'toString=5/60', /a name of \.env\.example/],
    ['EVENT_MAX_ROWS', '999', /from 1000/],
    ['EVENT_MAX_ROWS', '1e10', /from 1000/],
    ['APP_URL', 'app.acme.example', /must be an https URL/],
    ['APP_URL', 'http://app.example.com', /must be an https URL/],
    ['APP_URL', 'https://user:pass@app.example.com', /must be an https URL/],
    ['APP_URL', 'https://app.example.com/#/account', /without \? and #/],
    ['APP_URL', 'myapp://account', /must be an https URL/],
    ['APP_URL', 'http://192.168.1.7:5173', /must be https in production/],
    ['SMTP_URL', 'mail.example.com:587', /must be a URL, such as smtps/],
    ['APP_URL', 'https://app.example.com"/account', /must be an https URL/],
    ['SMTP_URL', 'smtp://mail.example.com"', /must be a URL, such as smtps/],
    ['SMTP_URL', 'smtp://mail.example.com:0', /must be a URL, such as smtps/],
    ['SMTP_URL', 'https://mail.example.com', /must be a URL/],
    ['SMTP_URL', 'smtps://user:pa#ss@mail.example.com', /must be a URL.*special characters/],
    ['SMTP_URL', 'smtps://user:12/34@mail.example.com', /must have no path: in a password, write \/ as %2F/],
    ['SMTP_URL', 'smtps://user:12#34@mail.example.com', /must have no path/],
    ['SMTP_URL', 'smtps://user:100%@mail.example.com', /write it as %25/],
    ['SMTP_URL', 'smtps://user@mail.example.com', /both a user and a password/],
    ['SMTP_URL', 'smtp://mail.example.com:465', /write smtps:\/\/ for port 465/],
    ['SMTP_URL', 'smtps://mail.example.com:587', /write smtp:\/\/ for port 587/],
    ['SMTP_URL', 'smtp://mail.example.com?requireTLS=false', /as requireTLS=true, or without it/],
    ['SMTP_URL', 'smtp://mail.example.com?ignoreTLS=true&requireTLS=true', /remove one of the two/],
    ['SMTP_URL', 'smtp://mail.example.com?ignoreTLS=false', /as ignoreTLS=true, or without it/],
    ['SMTP_URL', 'smtp://mail.example.com?tls.rejectUnauthorized=false', /no other options/],
    ['SMTP_URL', 'smtp://mail.example.com?logger=true&debug=true', /no other options/],
    ['SMTP_URL', 'smtp://mail.example.com?authMethod=NTLM', /as PLAIN, LOGIN or CRAM-MD5/],
    ['MAIL_FROM', 'Acme Inc.', /must be an address, such as/],
    ['MAIL_FROM', 'Example no-reply@example.com', /must be an address/],
    ['MAIL_FROM', 'a@example.com, b@example.com', /must be an address/],
    ['MAIL_FROM', 'Example <no-reply>', /must be an address/],
    ['MAIL_FROM', 'Acme <Shop> <no-reply@example.com>', /must be an address/],
    ['MAIL_FROM', '"Acme" <a@example.com>, "B" <b@example.com>', /must be an address/],
    ['WEBHOOKS', 'ftp://example.com', /must be an https URL without a user/],
    ['WEBHOOKS', 'https://example.com"', /must be an https URL without a user/],
    ['WEBHOOKS', 'https://me:secret@example.com/', /must be an https URL without a user/],
    ['WEBHOOKS', 'http://example.com/hooks', /must be https in production/],
    ['WEBHOOKS', 'https://example.com/hooks', /needs a secret in WEBHOOK_SECRETS/],
    ['WEBHOOK_SECRETS', 'a secret of ours', /must be secrets of Standard Webhooks/],
    ['WEBHOOK_SECRETS', 'whsec_c2hvcnQ=', /make one with: servauth webhook-key create/],
    ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(65).toString('base64')}`, /make one with/],
    // Libraries of receivers refuse base64 without its padding, and with too much of it.
    ['WEBHOOK_SECRETS', `whsec_${'A'.repeat(33)}`, /make one with/],
    ['WEBHOOK_SECRETS', `whsec_${'A'.repeat(43)}`, /make one with/],
    ['WEBHOOK_SECRETS', `whsec_${'A'.repeat(32)}=`, /make one with/],
    ['WEBHOOK_NETWORKS', '10.0.0.1/8', /has bits after its prefix/],
    ['EVENT_PULL', 'yes', /must be true or false/],
    ['WEBHOOK_SECRETS_FILE', '/no/such/file', /cannot be read \(ENOENT\)/],
    ['MAIL_TEMPLATES', '/no/such/folder', /cannot be read \(ENOENT\): it must be the path of a folder/],
    ['MAIL_TEMPLATES', '/etc/passwd', /must be the path of a folder, not of a file/],
    ['MAIL_LANGUAGES', 'en,no language', /item 2 must be a language tag, such as en or pt-BR/],
    ['MAIL_LANGUAGES', 'de-u-ca-islamicc-nu-latn-co-phonebk', /must be a language tag, such as en or pt-BR/],
    ['REQUIRE_EMAIL_VERIFICATION', 'true', /needs a mail server in SMTP_URL/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /must be an http or https URL/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:4317', /the port of gRPC/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:4318/v1/traces', /without \/v1\/traces, which is/],
    ['OTEL_TRACES_EXPORTER', 'console', /must be otlp or none/],
    ['OTEL_TRACES_SAMPLER', 'sometimes', /must be always_on,/],
    ['OTEL_TRACES_SAMPLER_ARG', '10%', /from 0 to 1/],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', /from 0 to 1/],
    ['BETTER_AUTH_SECRETS', '1:a-secret', /keep the secret in AUTH_SECRET/],
    ['BETTER_AUTH_TRUSTED_ORIGINS', 'https://evil.example', /list the origins in ALLOWED_ORIGINS/],
    ['BETTER_AUTH_TELEMETRY', 'true', /remove it/],
    ['BETTER_AUTH_TELEMETRY_ENDPOINT', 'https://evil.example', /remove it/],
    ['PGSSL', 'prefer', /write the option into DATABASE_URL/],
    ['PGPREPARE', 'false', /write the option into DATABASE_URL/],
    ['PGTARGETSESSIONATTRS', 'standby', /must be read-write or primary/],
    ['PGSSLMODE', 'always', /must be one of disable/],
    ['DATABASE_SCHEMA', 'pg_servauth', /must not be a schema of PostgreSQL itself/],
    ['DATABASE_SCHEMA', 'auth,public', /must be the name of one schema/],
    ['DATABASE_SCHEMA', '$user', /must be the name of one schema/],
    ['DATABASE_SCHEMA', 'a$$b', /must not have two dollar signs/],
    ['DATABASE_POOL_SIZE', '0', /must be a whole number from 1 to 1000/],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0', /NODE_EXTRA_CA_CERTS/],
    ['BUN_CONFIG_VERBOSE_FETCH', 'curl', /requests with their secrets to the log/],
    ['BUN_INSPECT', '0.0.0.0:6499', /a debugger take over the server/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /name the HTTP port of the collector/],
  ]

  test('each setting has a value that is refused', () => {
    const tested = new Set(REFUSED.map(([name]) => name))

    expect(ENV_NAMES.filter((name) => !tested.has(name))).toEqual([])
  })

  test.each(REFUSED)('%s=%s is refused by name, and the value is not printed', (name, value, sentence) => {
    const faults = faultsOf({ ...complete, [name]: value })

    for (const fault of faults) expect(fault.startsWith(`${name}: `)).toBe(true)
    expect(faults.join('\n')).toMatch(sentence)
    if (value.length > 5) expect(faults.join()).not.toContain(value)
  })

  test.each(ENV_NAMES)('%s in quotation marks is named as such', (name) => {
    for (const quote of ['"', "'"]) {
      const faults = faultsOf({
        ...complete,
        [name]: `${quote}1${quote}`,
      })

      expect(faults).toContainEqual(expect.stringMatching(`^${name}: is in quotation marks`))
    }
  })

  test.each<[name: string, value: string, read?: unknown]>([
    ['AUTH_SECRET', randomBytes(32).toString('hex')],
    ['AUTH_SECRET', randomBytes(32).toString('base64url')],
    ['AUTH_SECRET', `\t${complete.AUTH_SECRET}\r\n`, complete.AUTH_SECRET],
    ['AUTH_SECRET_PREVIOUS', 'the quick brown fox jumps over the lazy dog'],
    ['PUBLIC_URL', 'http://localhost:3000'],
    ['PUBLIC_URL', 'http://app.localhost:3000'],
    ['PUBLIC_URL', 'https://AUTH.example.com:443/', 'https://auth.example.com'],
    ['PUBLIC_URL', 'https://bücher.example', 'https://xn--bcher-kva.example'],
    ['PUBLIC_URL', 'https://[2001:db8::1]:8443'],
    ['PUBLIC_URL', 'https://my_server.example.com'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector.tracing.svc.cluster.local.:4318'],
    ['DATABASE_URL', 'postgresql://user:password@db.example.com:5432/servauth?sslmode=require'],
    ['ALLOWED_ORIGINS', 'https://app.example.com/,', ['https://app.example.com']],
    ['ALLOWED_ORIGINS', 'http://localhost', ['http://localhost']],
    ['ALLOWED_ORIGINS', 'https://*.Example.com', ['https://*.example.com']],
    ['ALLOWED_ORIGINS', 'https://*.my-team.vercel.app:8443', ['https://*.my-team.vercel.app:8443']],
    [
      'ALLOWED_ORIGINS',
      'capacitor://localhost, ionic://localhost',
      ['capacitor://localhost', 'ionic://localhost'],
    ],
    [
      'ALLOWED_ORIGINS',
      'tauri://localhost/,http://tauri.localhost',
      ['tauri://localhost', 'http://tauri.localhost'],
    ],
    ['ALLOWED_ORIGINS', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'],
    ['ALLOWED_ORIGINS', 'moz-extension://4a1c7c5b-1f5e-4c43-9f0c-1d2e3f405162'],
    ['ALLOWED_ORIGINS', 'app://bundle'],
    ['TRUSTED_PROXIES', '10.0.0.1, 2001:db8::/32'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,fc00::/7'],
    ['HOST', '127.0.0.1'],
    ['HOST', '[::1]', '::1'],
    ['HOST', 'localhost'],
    ['PORT', ' 4000 ', 4000],
    ['PASSWORD_MIN_LENGTH', '15', 15],
    ['BREACHED_PASSWORDS', import.meta.filename],
    ['METRICS_PORT', '9464', 9464],
    ['ADMIN_PORT', '3001', 3001],
    ['ADMIN_PORT', 'off', 'off'],
    ['METRICS_HOST', '0.0.0.0'],
    ['ARGON2_MEMORY_KIB', '65536', 65_536],
    ['THROTTLE_LIMITS', 'loginPerAddress=100/60'],
    ['EVENT_MAX_ROWS', '1000', 1000],
    ['SESSION_IDLE_SECONDS', '60', 60],
    ['APP_URL', 'https://app.example.com/account/', 'https://app.example.com/account'],
    ['WEBHOOK_SECRETS', `whsec_${'A'.repeat(32)}, whsk_${'A'.repeat(43)}=`],
    ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(25).toString('base64')}`],
    ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(64).toString('base64')}`],
    ['WEBHOOK_NETWORKS', '10.0.2.0/28, fd00::/8'],
    ['MAIL_TEMPLATES', '/tmp'],
    ['MAIL_LANGUAGES', 'de, en-GB'],
    ['SMTP_URL', 'smtps://me@example.com:p%40ss@mail.example.com'],
    ['SMTP_URL', 'smtp://mail.example.com:587?requireTLS=true'],
    ['SMTP_URL', 'smtp://mail:1025?ignoreTLS=true'],
    ['MAIL_FROM', 'no-reply@Bücher.example', { name: '', address: 'no-reply@xn--bcher-kva.example' }],
    ['MAIL_FROM', 'no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
    [
      'MAIL_FROM',
      'Acme: Accounts <no-reply@example.com>',
      { name: 'Acme: Accounts', address: 'no-reply@example.com' },
    ],
    [
      'MAIL_FROM',
      '"Acme, Inc." <no-reply@example.com>',
      { name: 'Acme, Inc.', address: 'no-reply@example.com' },
    ],
    [
      'MAIL_FROM',
      String.raw`"Acme <Shop>, \"Berlin\" \\ Paris"<no-reply@example.com>`,
      { name: String.raw`Acme <Shop>, "Berlin" \ Paris`, address: 'no-reply@example.com' },
    ],
    [
      'MAIL_FROM',
      'Acme "Shop" <no-reply@example.com>',
      { name: 'Acme "Shop"', address: 'no-reply@example.com' },
    ],
    ['OTEL_TRACES_SAMPLER_ARG', '0.25', 0.25],
    ['BETTER_AUTH_SECRETS', ''],
    ['BETTER_AUTH_URL', 'https://elsewhere.example'],
    ['PGPASSWORD', 'secret'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '1'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json'],
  ])('%s=%s is accepted', (name, value, read) => {
    const env: Record<string, unknown> = loadEnv({ ...complete, [name]: value })

    if (read !== undefined) expect(env[name]).toEqual(read)
  })

  test('development accepts http in a private network, and no other', () => {
    const developing = {
      NODE_ENV: 'development',
      ALLOWED_ORIGINS: 'http://192.168.1.7:5173,http://[fd00::7]:5173',
    }

    expect(
      loadEnv({ ...developing, PUBLIC_URL: 'http://192.168.1.7:3000', APP_URL: 'http://10.0.0.7' }),
    ).toMatchObject({
      PUBLIC_URL: 'http://192.168.1.7:3000',
      APP_URL: 'http://10.0.0.7',
    })
    expect(faultsOf({ ...developing, PUBLIC_URL: 'http://198.51.100.7:3000' })).toHaveLength(1)
  })

  test('a secret of its own, and memory for every hash, are required', async () => {
    const { AUTH_SECRET, ...others } = complete
    const SMTP_URL = `smtps://user:${encodeURIComponent(AUTH_SECRET)}@mail.example.com`
    const AUTH_SECRET_FILE = await createFile('secret', AUTH_SECRET)
    const greedy = { ...complete, ARGON2_MEMORY_KIB: '1048576', WORKERS: '64' }

    for (const secret of [{ AUTH_SECRET }, { AUTH_SECRET_FILE }]) {
      expect(faultsOf({ ...others, ...secret, SMTP_URL })).toEqual([
        expect.stringMatching(/^AUTH_SECRET: is the password of another service/),
      ])
    }
    expect(faultsOf(greedy)).toEqual([
      expect.stringMatching(/^ARGON2_MEMORY_KIB: needs more memory than this/),
    ])
  })

  test('a webhook of production is refused at an address that events may not be sent to', () => {
    const WEBHOOK_SECRETS = `whsec_${randomBytes(32).toString('base64')}`
    const faultsAt = (host: string, WEBHOOK_NETWORKS = '') =>
      faultsOf({ ...complete, WEBHOOKS: `https://${host}/hooks`, WEBHOOK_SECRETS, WEBHOOK_NETWORKS })

    for (const host of ['10.0.0.4', '[fd00::7]', '[::ffff:10.0.0.4]', 'localhost', '169.254.169.254']) {
      expect(faultsAt(host)).toEqual([expect.stringMatching(/^WEBHOOKS: .* list it in WEBHOOK_NETWORKS/)])
    }
    expect(faultsAt('198.51.100.7', '198.51.100.0/24')).toEqual([])
    expect(faultsAt('localhost', '127.0.0.1')).toEqual([])
    expect(faultsAt('1.1.1.1')).toEqual([])
    expect(faultsAt('hooks.internal')).toEqual([])
  })

  test('a URL with a password may come from a file, and is checked like the setting', async () => {
    const folder = await createFolder()
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    const { DATABASE_URL, ...others } = complete
    const files = {
      DATABASE_URL_FILE: await write('database', `${DATABASE_URL}\n`),
      SMTP_URL_FILE: await write('smtp', 'smtps://u:p@mail.example.com\n'),
    }

    const env = loadEnv({ ...others, ...files, REQUIRE_EMAIL_VERIFICATION: 'true' })
    const SMTP_URL_FILE = await write('wrong', 'mail.example.com')

    expect(env).toMatchObject({
      DATABASE_URL: loadEnv(complete).DATABASE_URL,
      SMTP_URL: 'smtps://u:p@mail.example.com',
    })
    expect(() => loadEnv({ ...complete, SMTP_URL_FILE })).toThrow(/SMTP_URL: must be a URL/)
    const DATABASE_URL_FILE = await write('empty', '\n')
    expect(faultsOf({ ...others, DATABASE_URL_FILE })).toEqual([
      'DATABASE_URL_FILE: is the path of an empty file',
    ])
  })

  test('what production requires is named with a way to have it', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^DATABASE_URL: is required in production: set it, such as postgres:/),
      expect.stringMatching(/^AUTH_SECRET: is required in production: make one with: openssl/),
      expect.stringMatching(/^PUBLIC_URL: is required in production: set the origin/),
    ])
  })

  test('defaults follow the settings that they depend on', () => {
    expect(loadEnv({ ...complete, SESSION_MAX_SECONDS: '3600' }).SESSION_IDLE_SECONDS).toBe(3600)
    expect(loadEnv({ NODE_ENV: 'development', HOST: '192.168.1.7' }).PUBLIC_URL).toBe(
      'http://192.168.1.7:3000',
    )
    expect(loadEnv({ NODE_ENV: 'development', HOST: '0.0.0.0' }).PUBLIC_URL).toBe('http://localhost:3000')
    const nameless = { ...complete, PUBLIC_URL: 'https://198.51.100.7', SMTP_URL: 'smtps://mail.example.com' }
    expect(faultsOf(nameless)).toEqual([expect.stringMatching(/^MAIL_FROM: is needed/)])
  })

  test('.env.example describes every setting', async () => {
    const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
    const described = [...example.matchAll(/^#? ?([A-Z0-9_]+)=/gm)].map(([, name]) => name)

    expect(described.sort()).toEqual([...ENV_NAMES].sort())
    const limits = /^# THROTTLE_LIMITS=(.*)$/m.exec(example)?.[1]
    expect(limits).toBe(
      Object.entries(RATE_LIMITS)
        .map(([name, [count, seconds]]) => `${name}=${count}/${seconds}`)
        .join(),
    )
  })

  test('each limit can be set, and each invalid one is reported', () => {
    const { THROTTLE_LIMITS } = loadEnv({
      ...complete,
      THROTTLE_LIMITS: 'loginPerAddress=50/30, registerPerAddress=1/60',
    })
    expect(THROTTLE_LIMITS).toEqual({
      ...RATE_LIMITS,
      loginPerAddress: [50, 30],
      registerPerAddress: [1, 60],
    })

    const refused = () =>
      loadEnv({ ...complete, THROTTLE_LIMITS: 'what=1/2,loginPerAddress=1/2,loginPerAddress=x' })
    expect(refused).toThrow(/THROTTLE_LIMITS: item 1 .*\n.*THROTTLE_LIMITS: item 3 /)
  })
})
