-- The first schema. One text for both engines; the tokens in braces are replaced by the migration runner.
-- Times are Unix milliseconds, booleans 0 or 1, ids made by the program.

-- Facts about this database: epoch (changes when a backup is restored), created_at.
create table meta (
  name   {text} not null primary key,
  value  {text} not null
) {strict};

-- Secrets of the instance, made once: shared by all nodes.
create table secrets (
  name        {text} not null primary key,
  value       {blob} not null,
  created_at  {i64}  not null
) {strict};

-- Settings of the whole instance; a site's own settings stand in sites.settings.
create table settings (
  name        {text} not null primary key,
  value       {json} not null,
  updated_at  {i64}  not null
) {strict};

-- Who does periodic work. Its times are the database's clock.
create table leases (
  name        {text} not null primary key,
  holder      {text} not null,
  fence       {i64}  not null default 0,
  expires_at  {i64}  not null
) {strict};

-- Periodic tasks: when each is due, and how it went.
create table jobs (
  name         {text} not null primary key,
  due_at       {i64}  not null,
  last_run_at  {i64},
  last_error   {text}
) {strict};

create table sites (
  id               {id}   not null primary key,
  key              {text} not null,  -- public, stands in the snippet
  name             {text} not null,
  license_id       {i64}  not null,  -- the small number older chat SDKs name a site by
  organization_id  {text} not null,  -- the UUID newer ones use
  origins          {json} not null,  -- list of allowed origins; an empty list allows none but our own
  settings         {json} not null,
  created_at       {i64}  not null,
  updated_at       {i64}  not null
) {strict};
create unique index sites_key_idx on sites (key);
create unique index sites_license_id_idx on sites (license_id);
create unique index sites_organization_id_idx on sites (organization_id);

-- The head of each site's agent inbox; its row lock is the last one a chat transaction takes.
create table inbox_heads (
  site_id   {id}  not null primary key references sites (id),
  last_seq  {i64} not null default 0
) {strict};

create table agents (
  id              {id}   not null primary key,
  name            {text} not null,
  email           {text} not null,
  email_fold      {text} not null,
  password_hash   {text} not null,
  role            {text} not null check (role in ('owner', 'admin', 'agent')),
  status          {text} not null default 'accepting' check (status in ('accepting', 'not_accepting', 'away')),
  job_title       {text} not null default '',
  avatar_url      {text},
  max_chats       {i64}  not null default 20,
  active_chats    {i64}  not null default 0,
  settings        {json} not null,            -- sound, theme, time zone
  last_assigned_at {i64} not null default 0,
  created_at      {i64}  not null,
  updated_at      {i64}  not null,
  deactivated_at  {i64}
) {strict};
create unique index agents_email_fold_idx on agents (email_fold);

create table agent_sites (
  agent_id  {id} not null references agents (id),
  site_id   {id} not null references sites (id),
  primary key (agent_id, site_id)
) {strict};
create index agent_sites_site_idx on agent_sites (site_id, agent_id);

-- An open dashboard socket; counts only while its node holds the node lease.
create table agent_connections (
  id            {id}   not null primary key,
  agent_id      {id}   not null references agents (id),
  login_id      {id}   not null,
  node          {i64}  not null,
  connected_at  {i64}  not null
) {strict};
create index agent_connections_agent_idx on agent_connections (agent_id);
create index agent_connections_node_idx on agent_connections (node);

create table logins (
  id            {id}   not null primary key,
  token_hash    {blob} not null,
  agent_id      {id}   not null references agents (id),
  site_id       {id}   not null references sites (id),  -- the site this login is looking at
  user_agent    {text} not null default '',
  ip            {text} not null default '',             -- truncated
  created_at    {i64}  not null,
  last_seen_at  {i64}  not null,
  expires_at    {i64}  not null,
  revoked_at    {i64}
) {strict};
create unique index logins_token_hash_idx on logins (token_hash);
create index logins_agent_idx on logins (agent_id, created_at);

-- One-time links and tickets: first set-up, invitation, password reset, socket ticket.
create table one_time_tokens (
  token_hash  {blob} not null primary key,
  purpose     {text} not null check (purpose in ('setup', 'invite', 'reset', 'socket')),
  agent_id    {id}   references agents (id),
  login_id    {id},
  created_at  {i64}  not null,
  expires_at  {i64}  not null,
  used_at     {i64}
) {strict};
create index one_time_tokens_expires_idx on one_time_tokens (expires_at);

create table api_keys (
  id            {id}   not null primary key,
  site_id       {id}   not null references sites (id),
  key_hash      {blob} not null,
  prefix        {text} not null,  -- the first characters, to recognise it by
  name          {text} not null,
  scopes        {json} not null,
  created_at    {i64}  not null,
  expires_at    {i64},
  last_used_at  {i64},
  revoked_at    {i64}
) {strict};
create unique index api_keys_key_hash_idx on api_keys (key_hash);
create index api_keys_site_idx on api_keys (site_id, created_at);

create table groups (
  id          {id}   not null primary key,
  site_id     {id}   not null references sites (id),
  number      {i64}  not null,  -- small, per site: what the chat wire calls the group's id
  name        {text} not null,
  settings    {json} not null,
  created_at  {i64}  not null
) {strict};
create unique index groups_site_number_idx on groups (site_id, number);

create table group_members (
  group_id  {id} not null references groups (id),
  agent_id  {id} not null references agents (id),
  primary key (group_id, agent_id)
) {strict};
create index group_members_agent_idx on group_members (agent_id);

create table visitors (
  id                {id}   not null primary key,
  site_id           {id}   not null references sites (id),
  kind              {text} not null default 'anonymous' check (kind in ('anonymous', 'lead', 'user')),
  merged_into       {id},            -- names the root; a merge rewrites nothing else
  user_id           {text},          -- the site's own id of this person
  is_verified       {i64}  not null default 0,
  claimed_user_id   {text},          -- what an unproven claim said
  claimed_email     {text},
  name              {text},
  email             {text},
  email_fold        {text},
  phone             {text},
  avatar_url        {text},
  session_fields    {json} not null, -- list of one-key objects, order kept
  is_bot            {i64}  not null default 0,
  browser           {text} not null default '',
  browser_version   {text} not null default '',
  os                {text} not null default '',
  os_version        {text} not null default '',
  device            {text} not null default '',
  language          {text} not null default '',
  timezone          {text} not null default '',
  screen            {text} not null default '',
  country           {text} not null default '',
  city              {text} not null default '',
  ip                {text} not null default '',  -- truncated
  referrer          {text} not null default '',  -- of the first visit
  utm               {json} not null,             -- of the first visit
  visits            {i64}  not null default 0,
  page_views        {i64}  not null default 0,
  greetings_shown   {i64}  not null default 0,
  greetings_accepted {i64} not null default 0,
  banned_until      {i64},
  anonymized_at     {i64},
  first_seen_at     {i64}  not null,
  last_seen_at      {i64}  not null,
  updated_at        {i64}  not null
) {strict};
create unique index visitors_site_user_idx on visitors (site_id, user_id) where user_id is not null;
create index visitors_merged_into_idx on visitors (merged_into) where merged_into is not null;
create index visitors_site_email_idx on visitors (site_id, email_fold) where email_fold is not null;
create index visitors_site_seen_idx on visitors (site_id, is_bot, last_seen_at, id) where merged_into is null;
create index visitors_anonymous_seen_idx on visitors (site_id, last_seen_at) where kind = 'anonymous' and merged_into is null;

-- Typed attributes: sval for text, nval for numbers, booleans and times, list items as JSON in sval.
create table visitor_attrs (
  visitor_id  {id}   not null references visitors (id),
  key         {text} not null,
  kind        {text} not null check (kind in ('string', 'integer', 'decimal', 'boolean', 'date', 'datetime', 'choice', 'choices', 'list')),
  sval        {text},
  nval        {f64},
  origin      {text} not null,
  updated_at  {i64}  not null,
  primary key (visitor_id, key)
) {strict};
create index visitor_attrs_key_sval_idx on visitor_attrs (key, sval);
create index visitor_attrs_key_nval_idx on visitor_attrs (key, nval);

-- Bearer secrets of browsers, stored as SHA-256.
create table visitor_tokens (
  id           {id}   not null primary key,
  token_hash   {blob} not null,
  site_id      {id}   not null references sites (id),
  visitor_id   {id}   not null references visitors (id),
  browser_id   {id}   not null,            -- stays through identify and merge, new after a reset or a switch
  kind         {text} not null check (kind in ('browser', 'access')),
  is_signed    {i64}  not null default 0,  -- bound by a proven identity: sees all chats of its root
  created_at   {i64}  not null,
  expires_at   {i64},
  revoked_at   {i64}
) {strict};
create unique index visitor_tokens_token_hash_idx on visitor_tokens (token_hash);
create index visitor_tokens_visitor_idx on visitor_tokens (visitor_id);
create index visitor_tokens_expires_idx on visitor_tokens (expires_at) where expires_at is not null;

-- Who was merged into whom, and what undo needs.
create table merges (
  id            {id}   not null primary key,
  site_id       {id}   not null references sites (id),
  source_id     {id}   not null,
  target_id     {id}   not null,
  repointed     {json} not null,  -- visitors that pointed at the source before
  cause         {text} not null,  -- identify, agent, api
  is_signed     {i64}  not null default 0,
  agent_id      {id},
  created_at    {i64}  not null,
  undone_at     {i64}
) {strict};
create index merges_source_idx on merges (source_id);
create index merges_target_idx on merges (target_id);

create table sessions (
  id               {id}   not null primary key,
  site_id          {id}   not null references sites (id),
  visitor_id       {id}   not null references visitors (id),
  started_at       {i64}  not null,
  last_seen_at     {i64}  not null,
  ended_at         {i64},
  left_at          {i64},                       -- the last page was closed; cleared by the next page
  is_bot           {i64}  not null default 0,
  page_views       {i64}  not null default 0,
  page_call_id     {text} not null default '',  -- the call id of the page being looked at
  page_url         {text} not null default '',
  page_title       {text} not null default '',
  page_at          {i64}  not null default 0,
  landing_url      {text} not null default '',
  referrer         {text} not null default '',
  utm              {json} not null,
  browser          {text} not null default '',
  os               {text} not null default '',
  device           {text} not null default '',
  language         {text} not null default '',
  timezone         {text} not null default '',
  screen           {text} not null default '',
  country          {text} not null default '',
  ip               {text} not null default ''
) {strict};
create index sessions_visitor_idx on sessions (visitor_id, started_at);
create unique index sessions_visitor_open_idx on sessions (visitor_id) where ended_at is null;
create index sessions_site_live_idx on sessions (site_id, is_bot, last_seen_at) where ended_at is null;

create table activities (
  visitor_id   {id}   not null references visitors (id),
  id           {id}   not null,
  site_id      {id}   not null,
  session_id   {id}   not null,
  kind         {text} not null check (kind in ('page_view', 'custom', 'product', 'session_started', 'session_ended')),
  name         {text} not null default '',  -- of a custom event
  client_id    {text} not null,             -- the call's own id: a repeat is stored once
  url          {text} not null default '',
  title        {text} not null default '',
  properties   {json},
  occurred_at  {i64}  not null,             -- never later than received_at
  received_at  {i64}  not null,
  primary key (visitor_id, id)
) {strict};
create unique index activities_visitor_client_idx on activities (visitor_id, client_id);
create index activities_site_time_idx on activities (site_id, occurred_at);

create table chats (
  id              {id}   not null primary key,
  site_id         {id}   not null references sites (id),
  visitor_id      {id}   not null references visitors (id),  -- the row that began it
  browser_id      {id}   not null,                           -- the browser that began it
  owner_id        {id}   not null,  -- the browser, or the root visitor where the identity is proven: one chat each
  last_seq        {i64}  not null default 0,
  is_active       {i64}  not null default 0,                 -- an open thread exists
  thread_id       {id},                                      -- the newest thread
  agent_id        {id},                                      -- who owns the open thread, or owned the last one
  group_id        {id},
  waiting_since   {i64},                                     -- first unanswered visitor message
  last_event_at   {i64}  not null,                          -- orders the inbox: what people see, open, close
  changed_at      {i64}  not null,                          -- of the newest event of any kind; never goes back
  last_text       {text} not null default '',                -- for the inbox row, cut
  last_author     {text} not null default '',
  visitor_seen_seq {i64} not null default 0,
  agent_seen_seq  {i64}  not null default 0,                 -- the highest any agent has seen
  properties      {json} not null,
  created_at      {i64}  not null
) {strict};
create unique index chats_owner_idx on chats (owner_id);
create index chats_visitor_idx on chats (visitor_id);
create index chats_browser_idx on chats (browser_id);
create index chats_site_active_idx on chats (site_id, is_active, last_event_at, id);
create index chats_waiting_idx on chats (site_id, agent_id, waiting_since) where waiting_since is not null;
create index chats_site_agent_idx on chats (site_id, is_active, agent_id, last_event_at, id);

create table threads (
  id                  {id}   not null primary key,
  chat_id             {id}   not null references chats (id),
  site_id             {id}   not null,
  is_active           {i64}  not null default 1,
  first_seq           {i64}  not null,
  last_seq            {i64},               -- set when it closes
  previous_thread_id  {id},
  agent_id            {id},
  group_id            {id},
  closed_by           {text},              -- visitor, agent, system
  closed_by_id        {id},
  properties          {json} not null,
  created_at          {i64}  not null,
  closed_at           {i64}
) {strict};
create unique index threads_chat_idx on threads (chat_id, first_seq);
create unique index threads_chat_active_idx on threads (chat_id) where is_active = 1;

-- Append-only: an edit, a seen mark or a closed thread is a new row with a seq of its own.
create table events (
  chat_id      {id}   not null references chats (id),
  seq          {i64}  not null,
  id           {id}   not null,
  thread_id    {id}   not null,
  site_id      {id}   not null,
  kind         {text} not null,            -- message, system_message, … or a stored change: thread_opened, seen, …
  author_kind  {text} not null check (author_kind in ('visitor', 'agent', 'system')),
  author_id    {id}   not null default 0,  -- 0 for the system
  recipients   {text} not null default 'all' check (recipients in ('all', 'agents')),
  custom_id    {text},
  body_hash    {blob} not null,
  body         {json} not null,
  refers_to    {i64},                      -- the seq an edit is about
  created_at   {i64}  not null,
  primary key (chat_id, seq)
) {strict};
create unique index events_custom_idx on events (chat_id, author_kind, author_id, custom_id) where custom_id is not null;
create unique index events_id_idx on events (chat_id, id);
create index events_thread_idx on events (thread_id, seq);
create index events_refers_to_idx on events (chat_id, refers_to, seq) where refers_to is not null;

-- Who takes part in a chat and how far each has seen it.
create table chat_users (
  chat_id     {id}   not null references chats (id),
  user_kind   {text} not null check (user_kind in ('visitor', 'agent')),
  user_id     {id}   not null,
  is_present  {i64}  not null default 1,
  seen_seq    {i64}  not null default 0,
  seen_at     {i64}  not null default 0,
  joined_at   {i64}  not null,
  primary key (chat_id, user_kind, user_id)
) {strict};
create index chat_users_user_idx on chat_users (user_kind, user_id);

-- The agents' stream of a site: which chats changed, up to which seq.
create table inbox (
  site_id     {id}  not null,
  inbox_seq   {i64} not null,
  chat_id     {id}  not null,
  chat_seq    {i64} not null,
  created_at  {i64} not null,
  primary key (site_id, inbox_seq)
) {strict};
create index inbox_created_idx on inbox (created_at);
