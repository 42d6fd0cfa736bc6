// Every page with a rail starts here.

import { attachBehaviours } from "./behaviours.js";
import { listenToKeyboard } from "./keyboard.js";

attachBehaviours(document);
listenToKeyboard();
