-- +goose Up

-- Whose token has ended, and whose ends soon, account by account: who asks for those of
-- one goes past nobody else's, and a login writes as many entries as before.

ALTER TABLE tokens ADD COLUMN appid TEXT NOT NULL DEFAULT ''; -- of the identity; that of a token never changes
ALTER TABLE identity_tokens ADD COLUMN appid TEXT NOT NULL DEFAULT ''; -- likewise

UPDATE tokens SET appid = users.appid FROM users WHERE users.id = tokens.user_id;
UPDATE identity_tokens SET appid = identities.appid FROM identities WHERE identities.id = identity_tokens.identity_id;

DROP INDEX tokens_by_end;
CREATE INDEX tokens_by_end ON tokens (appid, ends_at, user_id);
DROP INDEX identity_tokens_by_end;
CREATE INDEX identity_tokens_by_end ON identity_tokens (appid, ends_at, identity_id);

-- People who have told their name themselves, which a login changes nothing of: a search
-- among those without a profile looks at nobody else.
CREATE INDEX users_of_own_name ON users (first_login_at, id) WHERE profile_updated_at IS NULL AND nickname <> '';

-- For who writes a token and does not know of the column: a replica of before.
-- +goose StatementBegin
CREATE FUNCTION name_token_account() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'tokens' THEN
        NEW.appid := COALESCE((SELECT appid FROM users WHERE users.id = NEW.user_id), '');
    ELSE
        NEW.appid := COALESCE((SELECT appid FROM identities WHERE identities.id = NEW.identity_id), '');
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER tokens_added BEFORE INSERT ON tokens FOR EACH ROW WHEN (NEW.appid = '') EXECUTE FUNCTION name_token_account();
CREATE TRIGGER identity_tokens_added BEFORE INSERT ON identity_tokens FOR EACH ROW WHEN (NEW.appid = '') EXECUTE FUNCTION name_token_account();
