// The start page waits: it looks every two seconds whether a first page view has come or an origin was turned away,
// and loads itself anew when so. It rests while nobody looks at it.

const EVERY_MS = 2000;

/** @param {HTMLElement} element */
export default function firstPage(element) {
  const before = Number(element.dataset["refused"] ?? "0");
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const news = await progress();
    if (!news || (!news.seen && news.refused === before)) return;
    clearInterval(timer);
    location.replace(`${document.body.dataset["base"] ?? ""}/welcome`);
  }, EVERY_MS);
}

/** @returns {Promise<{ seen: boolean, refused: number } | undefined>} */
async function progress() {
  try {
    const answer = await fetch(`${document.body.dataset["base"] ?? ""}/welcome/progress`);
    return answer.ok ? await answer.json() : undefined;
  } catch {
    // The server restarts or the network is away: the next look tells.
    return undefined;
  }
}
