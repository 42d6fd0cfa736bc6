// The classic script: the global `CustomerSDK`, or what a module loader makes of it.

import type { Config, CustomerSDK } from './api';
import { create } from './init';

const script = typeof document === 'object' ? (document.currentScript as HTMLScriptElement | null)?.src : undefined;

export const init = (config: Config): CustomerSDK => create(config, script);
