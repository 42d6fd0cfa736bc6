//! Who is connected, and the fan-out of updates to sockets. Knows `store`, `db` and `domain`; never HTTP.
