// Every page with a rail starts here.

import { attachBehaviours } from "./behaviours.js";
import { followInbox } from "./inbox_stream.js";
import { listenToKeyboard } from "./keyboard.js";
import { live } from "./live.js";
import { startNotifying } from "./notify.js";
import { startSending } from "./send_queue.js";
import { openSheets } from "./sheets.js";
import { tellZone } from "./times.js";

tellZone();
startNotifying();
followInbox();
startSending();
listenToKeyboard();
openSheets();
// Whoever listens is there before the first update is.
await attachBehaviours(document);
live.start();
