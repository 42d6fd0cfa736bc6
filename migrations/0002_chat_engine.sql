-- The chat engine: routing, uploads, greetings, forms, tickets, bans, canned replies, keys that act as an agent.

-- An agent that is a program: it has no password and signs in nowhere.
alter table agents add column is_bot {i64} not null default 0;

-- Whom a key acts as; a key without an agent reads and configures, but writes into no chat.
alter table api_keys add column agent_id {id} references agents (id);

-- The first event of a change, so that a reader of the inbox gets the events of each change once.
alter table inbox add column first_seq {i64} not null default 0;

-- Routing.

alter table groups add column updated_at {i64} not null default 0;
alter table groups add column deleted_at {i64};

-- Since when an agent who has chats has no dashboard open anywhere; null while one is, or nobody has looked.
alter table agents add column gone_since {i64};

-- Since when a thread waits in the queue of its group; null while it does not.
alter table threads add column queued_at {i64};
alter table threads add column assigned_at {i64};
-- The first answer of an agent since the thread was given to whoever has it.
alter table threads add column answered_at {i64};
-- How long it waited in the queue, once an agent was found: what estimates are made of.
alter table threads add column waited_ms {i64};
-- Who gave it back: the queue does not give it to them again.
alter table threads add column given_back_by {id};
-- Open threads that nobody has wait, also those that were opened before there were queues.
update threads set queued_at = created_at where is_active = 1 and agent_id is null;
create index threads_agent_idx on threads (agent_id, id) where is_active = 1 and agent_id is not null;
create index threads_queue_idx on threads (site_id, group_id, queued_at, id) where queued_at is not null;
create index threads_waited_idx on threads (site_id, assigned_at) where waited_ms is not null;

-- Events: how an entry reads now, where it was edited, pressed or given other properties. The event itself stays.
create table event_states (
  chat_id    {id}   not null,
  seq        {i64}  not null,
  body       {json} not null,
  edited_at  {i64},              -- when an agent last wrote it anew; null for other changes
  primary key (chat_id, seq)
) {strict};

-- Uploads: what was sent is stored once by its hash, and named by as many files as were uploaded.

create table blobs (
  hash        {blob} not null primary key,  -- SHA-256 of the content
  name        {text} not null,       -- what the content is kept under, outside the database
  size        {i64}  not null,
  created_at  {i64}  not null
) {strict};

-- Content that is being written, or that nobody names any more: whoever finds a row that is due removes it.
create table stray_blobs (
  name        {text} not null primary key,
  remove_at   {i64}  not null
) {strict};
create index stray_blobs_remove_idx on stray_blobs (remove_at);

create table files (
  id            {id}   not null primary key,
  site_id       {id}   not null references sites (id),
  secret        {blob} not null,     -- 16 random bytes: with the id, what opens the file
  base_url      {text} not null,     -- where the uploader's browser reached this Parlor
  visitor_id    {id},                -- the visitor who uploaded it
  agent_id      {id},                -- or the agent who did
  browser_id    {id},
  chat_id       {id},                -- the chat whose event uses it; null until then
  blob_hash     {blob} not null references blobs (hash),
  name          {text} not null,
  content_type  {text} not null,
  size          {i64}  not null,
  width         {i64},
  height        {i64},
  thumbnail_hash    {blob} references blobs (hash),
  thumbnail2x_hash  {blob} references blobs (hash),
  thumbnail_type    {text},         -- of both copies
  created_at    {i64}  not null,
  used_at       {i64}                -- when an event used it first; unused ones are deleted after a day
) {strict};
create index files_unused_idx on files (created_at) where used_at is null;
create index files_blob_idx on files (blob_hash);
create index files_thumbnail_idx on files (thumbnail_hash) where thumbnail_hash is not null;
create index files_thumbnail2x_idx on files (thumbnail2x_hash) where thumbnail2x_hash is not null;
create index files_chat_idx on files (chat_id) where chat_id is not null;
create index files_visitor_idx on files (visitor_id, created_at) where visitor_id is not null;
create index files_site_idx on files (site_id, created_at);

-- What is behind an address that somebody wrote, for previews.
create table url_infos (
  url         {text} not null primary key,
  info        {json} not null,
  fetched_at  {i64}  not null
) {strict};
create index url_infos_fetched_idx on url_infos (fetched_at);

-- Greetings.

create table greetings (
  id           {id}   not null primary key,
  site_id      {id}   not null references sites (id),
  number       {i64}  not null,      -- small, per site: what the chat wire calls the greeting's id
  name         {text} not null,
  is_enabled   {i64}  not null default 1,  -- sent by itself; a disabled one is still there for agents to send
  place        {i64}  not null default 0,  -- the lowest that fits is sent
  rules        {json} not null,
  content      {json} not null,      -- a message or a rich message
  group_id     {id},
  agent_id     {id},
  sent         {i64}  not null default 0,
  seen         {i64}  not null default 0,
  accepted     {i64}  not null default 0,
  chats        {i64}  not null default 0,
  created_at   {i64}  not null,
  updated_at   {i64}  not null,
  deleted_at   {i64}
) {strict};
create unique index greetings_site_number_idx on greetings (site_id, number);

-- A greeting as one visitor got it.
create table invitations (
  id            {id}   not null primary key,
  unique_id     {text} not null,     -- random: what the chat wire names it by
  site_id       {id}   not null,
  greeting_id   {id}   not null references greetings (id),
  visitor_id    {id}   not null references visitors (id),
  browser_id    {id}   not null,
  agent_id      {id},                -- who sent it by hand, or whose name it carries
  is_manual     {i64}  not null,     -- an agent sent it
  content       {json} not null,     -- as it was when it was sent
  sent_at       {i64}  not null,
  delivered_at  {i64},               -- first handed to a client of the visitor
  shown_at      {i64},               -- a client said that it was seen
  accepted_at   {i64},
  ended_at      {i64},
  end_reason    {text} check (end_reason in ('canceled', 'replaced', 'expired', 'chat_started')),
  chat_id       {id}
) {strict};
create unique index invitations_unique_idx on invitations (unique_id);
create index invitations_visitor_idx on invitations (visitor_id, greeting_id);
create unique index invitations_open_idx on invitations (browser_id) where ended_at is null;
-- A greeting is sent by itself once: this holds where two requests of one visitor row decide at the same moment.
create unique index invitations_once_idx on invitations (visitor_id, greeting_id) where is_manual = 0;

-- The browser of the last page, which greetings are sent to.
alter table sessions add column browser_id {id};

-- Forms: one of each kind for each group.

create table forms (
  id          {id}   not null primary key,
  site_id     {id}   not null references sites (id),
  group_id    {id}   not null references groups (id),
  kind        {text} not null check (kind in ('prechat', 'postchat', 'ticket')),
  is_enabled  {i64}  not null default 0,
  fields      {json} not null,
  created_at  {i64}  not null,
  updated_at  {i64}  not null
) {strict};
create unique index forms_group_kind_idx on forms (group_id, kind);

create table tickets (
  id           {id}   not null primary key,
  site_id      {id}   not null references sites (id),
  number       {i64}  not null,      -- small, per site, for people
  client_id    {text},               -- the sender's own id of it: a repeat is stored once
  content_hash {blob} not null,      -- SHA-256 of sender and content: tells a repeat without an id
  visitor_id   {id},
  is_proven    {i64}  not null default 0,  -- sent under a token of the visitor; else the link is a claim
  group_id     {id},
  agent_id     {id},
  status       {text} not null default 'open' check (status in ('open', 'closed')),
  name         {text} not null default '',
  email        {text} not null default '',
  subject      {text} not null default '',
  message      {text} not null,      -- what agents read: every answer with its label
  question     {text} not null default '',  -- the answers without name, e-mail and subject
  search       {text} not null default '',  -- e-mail, subject and name in lower case
  source_url   {text} not null default '',
  timezone     {text} not null default '',
  created_at   {i64}  not null,
  updated_at   {i64}  not null,
  closed_at    {i64}
) {strict};
create unique index tickets_site_number_idx on tickets (site_id, number);
create unique index tickets_client_idx on tickets (site_id, client_id) where client_id is not null;
create index tickets_repeat_idx on tickets (site_id, content_hash, created_at);
create index tickets_site_status_idx on tickets (site_id, status, updated_at, id);
create index tickets_visitor_idx on tickets (visitor_id) where visitor_id is not null;

-- Bans: of a visitor, and where it was chosen of the address.

create table bans (
  id          {id}   not null primary key,
  site_id     {id}   not null references sites (id),
  visitor_id  {id}   not null,
  ip          {text} not null default '',   -- as stored for visitors: truncated
  reason      {text} not null default '',
  agent_id    {id},
  created_at  {i64}  not null,
  expires_at  {i64},                        -- null: until lifted
  lifted_at   {i64}
) {strict};
create index bans_site_idx on bans (site_id, id) where lifted_at is null;
create index bans_visitor_idx on bans (visitor_id);
create index bans_address_idx on bans (site_id, ip) where ip <> '' and lifted_at is null;

-- Whether somebody is banned is asked of the bans, which follow merges.
alter table visitors drop column banned_until;

-- What ended sockets, for the nodes that hold them; written and read where there are several nodes.
create table endings (
  id          {id}   not null primary key,
  kind        {text} not null check (kind in ('tokens', 'login', 'visitor')),
  subject_id  {id}   not null,
  reason      {text} not null default '',
  created_at  {i64}  not null
) {strict};
create index endings_created_idx on endings (created_at);

create table canned_replies (
  id          {id}   not null primary key,
  site_id     {id}   not null references sites (id),
  shortcut    {text} not null,
  text        {text} not null,
  created_at  {i64}  not null,
  updated_at  {i64}  not null
) {strict};
create unique index canned_replies_shortcut_idx on canned_replies (site_id, shortcut);
