-- +goose Up

-- What the desk tells of logins and people.

-- WeChat's own number for what went wrong; 0: it gave none.
ALTER TABLE logins ADD COLUMN errcode BIGINT NOT NULL DEFAULT 0;
-- Where the login was when it failed, or went on without a profile; '' for nowhere.
ALTER TABLE logins ADD COLUMN step TEXT NOT NULL DEFAULT '';

-- All that went wrong, for the dashboard: a sliver of the history.
CREATE INDEX logins_troubled ON logins (started_at, outcome, reason, errcode) WHERE outcome = 'failed' OR errcode <> 0;

-- Which of our consent texts the person agreed to last, and when; '' and NULL: none.
ALTER TABLE users ADD COLUMN consent_version TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN consent_at BIGINT;

-- Tokens that die soon, and those that have.
CREATE INDEX tokens_by_end ON tokens (ends_at) WHERE dead_reason IS NULL;

CREATE INDEX events_by_action ON events (action, at, id);
