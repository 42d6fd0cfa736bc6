// What the browser says of itself by public interfaces; nothing is measured or derived.

interface Brand {
  brand: string;
  version: string;
}
interface HighEntropy {
  platformVersion?: string;
  model?: string;
}
interface AgentHints {
  brands: Brand[];
  mobile: boolean;
  platform: string;
  getHighEntropyValues?(names: string[]): Promise<HighEntropy>;
}

export interface Context {
  language: string;
  timezone: string;
  screen: string;
  webdriver: boolean;
  hints?: { brands: Brand[]; mobile: boolean; platform: string; platform_version: string; model: string };
}

let precise: HighEntropy = {};

function agentHints(): AgentHints | undefined {
  return (navigator as { userAgentData?: AgentHints }).userAgentData;
}

/** Asks for the client hints that browsers give only asynchronously. */
export async function readHints(): Promise<void> {
  try {
    precise = (await agentHints()?.getHighEntropyValues?.(['platformVersion', 'model'])) ?? {};
  } catch {
    // Refused by a permissions policy: the low-entropy hints remain.
  }
}

export function context(): Context {
  const hints = agentHints();
  return {
    language: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: `${screen.width}x${screen.height}`,
    webdriver: navigator.webdriver === true,
    ...(hints && {
      hints: {
        brands: hints.brands,
        mobile: hints.mobile,
        platform: hints.platform,
        platform_version: precise.platformVersion ?? '',
        model: precise.model ?? '',
      },
    }),
  };
}

/** The visitor's browser asks sites not to track: Global Privacy Control or Do Not Track. */
export function asksNotToTrack(): boolean {
  const { globalPrivacyControl, doNotTrack } = navigator as { globalPrivacyControl?: boolean; doNotTrack?: string | null };
  return globalPrivacyControl === true || doNotTrack === '1';
}
