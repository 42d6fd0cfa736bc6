// How times are shown. data-as says which way:
//   clock  the hour and minute here          ago    how long ago, in one unit ("4 min")
//   span   how long since, running ("3:07")   day    the day, for dividers
//   when   day and hour, as short as it can be said

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

// The dashboard speaks English; the reader's own zone, the same spelling as the server's.
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const long = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

/**
 * Rewrites every time inside `root`.
 * @param {ParentNode} root
 */
export function showTimes(root) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[data-as]")) {
    if (!(element instanceof HTMLTimeElement)) continue;
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const text = shown(element.dataset["as"] ?? "", at, now);
    if (text !== element.textContent) element.textContent = text;
    if (!element.title) element.title = full.format(at);
  }
}

/**
 * @param {string} way
 * @param {number} at Unix milliseconds
 * @param {number} now Unix milliseconds
 */
function shown(way, at, now) {
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  switch (way) {
    case "clock": return clock.format(at);
    case "day": return dayName(at, now);
    case "when": return when(at, now);
    case "span": return span(seconds);
    default: return age(seconds);
  }
}

/** @param {number} seconds */
export function age(seconds) {
  if (seconds < MINUTE_S) return "now";
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)} h`;
  return `${Math.floor(seconds / DAY_S)} d`;
}

/** @param {number} seconds */
export function span(seconds) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / MINUTE_S);
  if (seconds < HOUR_S) return `${minutes}:${two(seconds % MINUTE_S)}`;
  return `${Math.floor(seconds / HOUR_S)}:${two(minutes % MINUTE_S)}:${two(seconds % MINUTE_S)}`;
}

/**
 * @param {number} at
 * @param {number} now
 */
function dayName(at, now) {
  const name = day.format(at);
  if (name === day.format(now)) return "Today";
  if (name === day.format(now - DAY_S * 1000)) return "Yesterday";
  return name;
}

/**
 * @param {number} at
 * @param {number} now
 */
function when(at, now) {
  if (day.format(at) === day.format(now) && now - at < DAY_S * 1000) return `Today, ${clock.format(at)}`;
  if (new Date(at).getFullYear() === new Date(now).getFullYear()) return `${short.format(at)}, ${clock.format(at)}`;
  return long.format(at);
}

/** Tells the server the zone, so that the next page is right before this script has run. */
export function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const path = document.body.dataset["base"] || "/";
  if (zone) document.cookie = `parlor_zone=${zone}; path=${path}; max-age=31536000; samesite=lax`;
}
