//! All SQL, one file a noun: plain synchronous functions over `&mut dyn Tx`. Knows `db` and `domain`, nothing above.
