-- The ended runs that rules may remove, in their order: how many there are is counted on it (run_retention.cc, which
-- must ask with the same words). Kept to what PostgreSQL understands too.

CREATE INDEX run_may_go ON run (number) WHERE state NOT IN ('Queued', 'Started', 'Running') AND is_archived = 0;
