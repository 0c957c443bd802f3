-- +goose Up

-- What the admin pages ask about people with several doors.

-- Proposals in the order of their pages, those of one moment too.
DROP INDEX proposals_open;
CREATE INDEX proposals_open ON proposals (noted_at, user_id, other_id) WHERE dismissed_at IS NULL;

-- People of one account, in the order that they first came: by the first identity, and by
-- the further ones. A trigger keeps the copy of users.first_login_at, whoever writes; that
-- never changes itself.
CREATE INDEX users_by_account ON users (appid, first_login_at, id);

ALTER TABLE identities ADD COLUMN person_first_at BIGINT NOT NULL DEFAULT 0;
UPDATE identities SET person_first_at = (SELECT first_login_at FROM users WHERE users.id = identities.user_id);

-- +goose StatementBegin
CREATE FUNCTION date_identity() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.person_first_at := COALESCE((SELECT first_login_at FROM users WHERE users.id = NEW.user_id), 0);
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER identities_dated BEFORE INSERT OR UPDATE OF user_id ON identities FOR EACH ROW EXECUTE FUNCTION date_identity();

CREATE INDEX identities_by_account ON identities (appid, person_first_at, user_id);

-- Whose token has ended, and whose ends soon, whichever of their identities it is of.
CREATE INDEX identity_tokens_by_end ON identity_tokens (ends_at, identity_id);
