import type { Config } from './api';

/** Names of the site on the wire. */
export type WireTenant = Record<string, string | number>;

const TYPES: Record<string, string> = {
  autoConnect: 'boolean',
  groupId: 'number',
  redirectUri: 'string',
  customerDataProvider: 'function',
  server: 'string',
  site: 'string',
  organizationId: 'string',
  referrer: 'string',
  page: 'object',
};

/** Checks what a page hands to `init`: it may be no TypeScript. */
export function checkConfig(config: Config): void {
  if (typeof config !== 'object' || config === null) throw new TypeError('init: the configuration must be an object');
  const { licenseId, clientId, organizationId, site, region } = config as unknown as Record<string, unknown>;
  if (licenseId !== undefined || (site === undefined && organizationId === undefined)) {
    if (typeof licenseId !== 'number' || !Number.isSafeInteger(licenseId)) throw new TypeError('init: licenseId must be a number');
  }
  if ((clientId !== undefined || site === undefined) && typeof clientId !== 'string') throw new TypeError('init: clientId must be a string');
  if (region !== undefined && region !== 'dal' && region !== 'fra') throw new TypeError("init: region must be 'dal' or 'fra'");
  for (const [name, type] of Object.entries(TYPES)) {
    const value = (config as unknown as Record<string, unknown>)[name];
    if (value !== undefined && typeof value !== type) throw new TypeError(`init: ${name} must be of type ${type}`);
  }
}

export function wireTenant({ site, organizationId, licenseId }: Config): WireTenant {
  if (site !== undefined) return { site };
  return organizationId !== undefined ? { organization_id: organizationId } : { license_id: licenseId as number };
}

/** The server's address with a slash at its end: the one given, or else where the script came from, above `/sdk/`. */
export function serverBase(server: string | undefined, script: string | undefined): string {
  if (server === undefined && !script) throw new TypeError('init: server must be given where the script is not loaded from it');
  return server === undefined ? new URL('..', script).href : new URL(server.endsWith('/') ? server : `${server}/`, script).href;
}
