import type { Config, CustomerSDK } from './api';
import { checkConfig } from './config';
import { browser, type Environment } from './environment';
import { Sdk } from './sdk';

/** Makes an instance. `script` is where this script came from, and with it its server. Throws a TypeError for a configuration of wrong types. */
export function create(config: Config, script: string | undefined, environment: Environment = browser): CustomerSDK {
  checkConfig(config);
  return new Sdk(config, script, environment);
}
