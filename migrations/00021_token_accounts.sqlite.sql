-- +goose Up

-- Whose token has ended, and whose ends soon, account by account: who asks for those of
-- one goes past nobody else's, and a login writes as many entries as before.

ALTER TABLE tokens ADD COLUMN appid TEXT NOT NULL DEFAULT ''; -- of the identity; that of a token never changes
ALTER TABLE identity_tokens ADD COLUMN appid TEXT NOT NULL DEFAULT ''; -- likewise

UPDATE tokens SET appid = (SELECT appid FROM users WHERE users.id = tokens.user_id);
UPDATE identity_tokens SET appid = (SELECT appid FROM identities WHERE identities.id = identity_tokens.identity_id);

DROP INDEX tokens_by_end;
CREATE INDEX tokens_by_end ON tokens (appid, ends_at, user_id);
DROP INDEX identity_tokens_by_end;
CREATE INDEX identity_tokens_by_end ON identity_tokens (appid, ends_at, identity_id);

-- People who have told their name themselves, which a login changes nothing of: a search
-- among those without a profile looks at nobody else.
CREATE INDEX users_of_own_name ON users (first_login_at, id) WHERE profile_updated_at IS NULL AND nickname <> '';

-- For who writes a token and does not know of the column.
-- +goose StatementBegin
CREATE TRIGGER tokens_added AFTER INSERT ON tokens WHEN NEW.appid = '' BEGIN
    UPDATE tokens SET appid = (SELECT appid FROM users WHERE users.id = NEW.user_id) WHERE user_id = NEW.user_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER identity_tokens_added AFTER INSERT ON identity_tokens WHEN NEW.appid = '' BEGIN
    UPDATE identity_tokens SET appid = (SELECT appid FROM identities WHERE identities.id = NEW.identity_id) WHERE identity_id = NEW.identity_id;
END;
-- +goose StatementEnd
