import type { Clock } from '../clock';
import type { Store } from '../host';
import { fromJson, toJson } from '../json';
import { randomToken } from '../random';
import { WireError } from '../wire/frames';
import type { AccessToken, Auth } from './api';

/** What an access token is bought with and for. */
export interface AuthOptions {
  base: string;
  /** The site's name in the words of the wire: `site`, `license_id` or `organization_id`. */
  tenant: Record<string, string | number>;
  openStore(site: string): Store;
  clock: Clock;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

interface Answer {
  site?: string;
  license_id?: number;
  organization_id?: string;
  access_token?: string;
  entity_id?: string;
  expires_in?: number;
  token_type?: string;
  error?: { code?: string; message?: string; retry_after?: number };
}

type Kept = AccessToken & { browserToken: string };

/** An access token with less than this left is not used for a new login. */
const MARGIN_MS = 60_000;

/**
 * Buys access tokens with the token that this browser made for the site: the widget's own, so that tracking, the widget and the SDK are one
 * visitor. No cookie is involved.
 */
export class TokenAuth implements Auth {
  readonly #options: AuthOptions;
  readonly #name: string;
  #store: Store | undefined;
  #isInvalid = false;
  #fetching: Promise<AccessToken> | undefined;

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#name = `${options.base}?${Object.entries(options.tenant).join()}`;
    // The site's key was told by an earlier page.
    const site = options.tenant.site ?? options.openStore('sdk').get(this.#name);
    if (site) this.#store = options.openStore(String(site));
  }

  /** Where this visitor's things are kept; in memory until the site's key is known. */
  get store(): Store | undefined {
    return this.#store;
  }

  /** The token that is held and good; looks only at what this browser has. */
  get held(): AccessToken | null {
    const kept = fromJson<Kept>(this.#store?.get('access') ?? null);
    if (!kept || this.#isInvalid || kept.browserToken !== this.#store?.get('token')) return null;
    const { browserToken: _, ...token } = kept;
    return token.creationDate + token.expiresIn - MARGIN_MS > this.#options.clock.now() ? token : null;
  }

  hasToken(): boolean {
    return this.held !== null;
  }

  invalidate(): void {
    this.#isInvalid = true;
  }

  getToken(): Promise<AccessToken> {
    const { held } = this;
    return held ? Promise.resolve(held) : this.getFreshToken();
  }

  getFreshToken(): Promise<AccessToken> {
    this.#fetching ??= this.#buy().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #buy(): Promise<AccessToken> {
    const store = await this.#openStore();
    let browserToken = store.get('token') ?? this.#newToken(store);
    let answer = await this.#post({ browser_token: browserToken });
    if (answer.error?.code === 'authentication') {
      // Ended, as after the visitor was deleted. Another tab may have replaced it by now.
      const current = store.get('token');
      browserToken = current && current !== browserToken ? current : this.#newToken(store);
      answer = await this.#post({ browser_token: browserToken });
    }
    if (answer.error) throw refusal(answer.error);
    const token: AccessToken = {
      accessToken: answer.access_token ?? '',
      entityId: answer.entity_id ?? '',
      expiresIn: (answer.expires_in ?? 0) * 1_000,
      tokenType: answer.token_type ?? '',
      creationDate: this.#options.clock.now(),
      licenseId: answer.license_id ?? 0,
      organizationId: answer.organization_id ?? '',
    };
    store.set('access', toJson({ ...token, browserToken } satisfies Kept));
    this.#isInvalid = false;
    return token;
  }

  async #openStore(): Promise<Store> {
    if (this.#store) return this.#store;
    const { site, error } = await this.#post({});
    if (error || !site) throw refusal(error ?? {});
    this.#options.openStore('sdk').set(this.#name, site);
    this.#store = this.#options.openStore(site);
    return this.#store;
  }

  #newToken(store: Store): string {
    const token = randomToken();
    store.set('token', token);
    return token;
  }

  async #post(fields: object): Promise<Answer> {
    const { base, tenant, fetch } = this.#options;
    try {
      // Plain text needs no preflight.
      const response = await fetch(`${base}sdk/token`, { method: 'POST', body: toJson({ ...tenant, ...fields }), credentials: 'omit' });
      return (await response.json()) as Answer;
    } catch {
      throw new WireError('connection_lost', 'The server could not be reached.', true);
    }
  }
}

/** Each refusal in the words of the protocol. */
function refusal({ code = 'internal', message = code, retry_after = 0 }: NonNullable<Answer['error']>): WireError {
  if (code === 'site_not_found') return new WireError('license_not_found', message, false);
  if (code === 'origin_not_allowed') return new WireError('unauthorized_client', message, false);
  return new WireError(code, message, !['validation', 'malformed'].includes(code), retry_after * 1_000);
}
