// Pages without a rail: login and first set-up. Behaviours are attached as everywhere else.

import { attachBehaviours } from "./behaviours.js";

await attachBehaviours(document);
