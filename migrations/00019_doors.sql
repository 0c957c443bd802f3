-- +goose Up

-- What the admin pages ask about people with several doors.

-- Proposals in the order of their pages, those of one moment too.
DROP INDEX proposals_open;
CREATE INDEX proposals_open ON proposals (noted_at, user_id, other_id) WHERE dismissed_at IS NULL;
