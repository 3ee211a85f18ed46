import type { Caller, Client, Identity, Presented, Viewer } from '../../contract/caller.ts'
import type { PresentedKey, ServiceKey } from '../../contract/service-key.ts'
import type { RequestContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { readBasic, readBearer } from '../request/authorization.ts'
import { type ClientOptions, clientOf } from '../request/client.ts'

type Options = ClientOptions & {
  identify: (presented: Presented) => Promise<Identity | null>
  view: (presented: Presented) => Viewer | null | Promise<Viewer | null>
  findServiceKey: (key: string) => ServiceKey | null | Promise<ServiceKey | null>
}

/** Reads the credentials of the request. They are proven when an operation first needs them, and only once. */
export function caller(options: Options): Step {
  return function caller(c, next) {
    c.caller = new RequestCaller(c, options)
    return next(c)
  }
}

class RequestCaller implements Caller {
  readonly bearer: string | null
  readonly cookie: string | null
  /** OAuth libraries send a key as the password of Basic, others as the bearer. */
  readonly presentedKey: PresentedKey | null
  isAdmitted = false
  readonly #c: RequestContext
  readonly #options: Options
  #client: Client | undefined
  #identity: Promise<Identity | null> | undefined
  #viewer: Viewer | null | Promise<Viewer | null> | undefined

  constructor(c: RequestContext, options: Options) {
    this.#c = c
    this.#options = options
    const authorization = c.header('authorization')
    this.bearer = readBearer(authorization)
    this.presentedKey = this.bearer === null ? readBasic(authorization) : { key: this.bearer, name: null }
    this.cookie = options.cookies.readSession(c)
  }

  get client() {
    this.#client ??= clientOf(this.#c, this.#options)
    return this.#client
  }

  identify() {
    this.#identity ??= this.#options.identify(this)
    return this.#identity
  }

  view() {
    if (this.#viewer === undefined) {
      this.#viewer = this.#options.view(this)
      this.#admitIfFound(this.#viewer)
    }
    return this.#viewer
  }

  findService() {
    const { presentedKey } = this
    if (!presentedKey) return null
    const { key, name } = presentedKey
    const isNamed = (service: ServiceKey | null) =>
      service && (name === null || name === service.name) ? service : null
    const found = this.#options.findServiceKey(key)
    const service = found instanceof Promise ? found.then(isNamed) : isNamed(found)
    this.#admitIfFound(service)
    return service
  }

  #admitIfFound(found: object | null) {
    if (found instanceof Promise)
      found.then(
        (value: object | null) => this.#admitIfFound(value),
        () => {},
      )
    else if (found) this.isAdmitted = true
  }

  keepSecret(secret: string) {
    this.#options.cookies.writeSession(this.#c, secret)
  }

  keepDevice(token: string) {
    this.#options.cookies.writeDevice(this.#c, token)
  }

  forgetSecret() {
    this.#options.cookies.clearSession(this.#c)
  }

  forgetAll() {
    this.#options.cookies.clearAll(this.#c)
  }
}
