//! What holds after every step, whoever does what: read from the rows.

use crate::support::house::House;

/// Each of these counts what must not be.
const BROKEN: &[(&str, &str)] = &[
    (
        "active_chats is the true count",
        "select count(*) from agents a
         where a.active_chats <> (select count(*) from threads t where t.agent_id = a.id and t.is_active = 1)",
    ),
    (
        "an open thread has an owner or waits, never both, never neither",
        "select count(*) from threads
         where is_active = 1 and (case when agent_id is null then 0 else 1 end) = (case when queued_at is null then 0 else 1 end)",
    ),
    (
        "a closed thread does not wait",
        "select count(*) from threads where is_active = 0 and queued_at is not null",
    ),
    (
        "a chat and its open thread have the same owner and group",
        "select count(*) from chats c join threads t on t.id = c.thread_id
         where c.is_active = 1
           and (coalesce(c.agent_id, 0) <> coalesce(t.agent_id, 0) or coalesce(c.group_id, 0) <> coalesce(t.group_id, 0))",
    ),
    (
        "a chat is active while it has one open thread",
        "select count(*) from chats c
         where c.is_active <> (select count(*) from threads t where t.chat_id = c.id and t.is_active = 1)",
    ),
    (
        "the owner takes part",
        "select count(*) from chats c
         where c.is_active = 1 and c.agent_id is not null
           and not exists (select 1 from chat_users u where u.chat_id = c.id and u.user_kind = 'agent' and u.user_id = c.agent_id and u.is_present = 1)",
    ),
    (
        "no number of a chat is missing",
        "select count(*) from chats c
         where c.last_seq <> (select count(*) from events e where e.chat_id = c.id)",
    ),
];

/// Panics naming the first rule that is broken.
pub fn check(house: &House) {
    for (rule, sql) in BROKEN {
        let broken = house.read(|tx| tx.int(sql, &[]));
        assert_eq!(broken, 0, "{rule}");
    }
}
