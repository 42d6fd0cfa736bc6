with recursive n(i) as (select 1 union all select i + 1 from n where i < :visitors)
insert into visitors (id, site_id, kind, name, email, email_fold, session_fields, browser, os, device, language, country, referrer, utm, visits, page_views, first_seen_at, last_seen_at, updated_at)
select i * 4096, :site, case when i % 10 = 0 then 'lead' else 'anonymous' end,
  case when i % 10 = 0 then 'Visitor ' || i end, case when i % 10 = 0 then 'v' || i || '@example.com' end, case when i % 10 = 0 then 'v' || i || '@example.com' end,
  '[]', 'Chrome', 'Windows', 'desktop', 'en', 'DE', 'https://search.example/', '{}', 1, :pages, :base + i * :step, :base + i * :step + 60000, :base + i * :step from n;

insert into sessions (id, site_id, visitor_id, started_at, last_seen_at, ended_at, page_views, page_url, page_title, page_at, landing_url, referrer, utm, browser, os, device, language)
select id + 1, site_id, id, first_seen_at, last_seen_at, case when last_seen_at < :now - 1800000 then last_seen_at end, page_views,
  'https://shop.example/product/7', 'A fine product', last_seen_at, 'https://shop.example/', 'https://search.example/', '{}', browser, os, device, language from visitors;

with recursive n(i) as (select 1 union all select i + 1 from n where i < :pages)
insert into activities (visitor_id, id, site_id, session_id, kind, client_id, url, title, properties, occurred_at, received_at)
select v.id, v.id + 1 + n.i, v.site_id, v.id + 1, 'page_view', 'seed-' || n.i, 'https://shop.example/product/' || n.i, 'A fine product', null,
  v.first_seen_at + n.i * 5000, v.first_seen_at + n.i * 5000 from visitors v join n on true;

insert into chats (id, site_id, visitor_id, browser_id, owner_id, last_seq, is_active, thread_id, last_event_at, changed_at, last_text, last_author, properties, created_at)
select id + 2, site_id, id, id + 3, id + 3, 2, case when id / 4096 % 100 = 0 then 1 else 0 end, id + 4, last_seen_at, last_seen_at, 'Hello, is this in stock?', 'visitor', '{}', first_seen_at
from visitors where kind = 'lead';

insert into threads (id, chat_id, site_id, is_active, first_seq, last_seq, properties, created_at, closed_at)
select id + 2, id, site_id, is_active, 1, case when is_active = 0 then 2 end, '{}', created_at, case when is_active = 0 then last_event_at end from chats;

with recursive n(i) as (select 1 union all select i + 1 from n where i < 2)
insert into events (chat_id, seq, id, thread_id, site_id, kind, author_kind, author_id, body_hash, body, created_at)
select c.id, n.i, c.id + 10 + n.i, c.thread_id, c.site_id, case when n.i = 1 then 'thread_opened' else 'message' end, case when n.i = 1 then 'system' else 'visitor' end,
  case when n.i = 1 then 0 else c.visitor_id end, x'00', case when n.i = 1 then '{}' else '{"text":"Hello, is this in stock?"}' end, c.last_event_at from chats c join n on true;

insert into inbox (site_id, inbox_seq, chat_id, chat_seq, created_at) select site_id, row_number() over (order by id), id, 2, last_event_at from chats;

update inbox_heads set last_seq = (select coalesce(max(inbox_seq), 0) from inbox where inbox.site_id = inbox_heads.site_id);
