// The ES module.

import type { Config, CustomerSDK } from './api';
import { create } from './init';

export const init = (config: Config): CustomerSDK => create(config, import.meta.url);
