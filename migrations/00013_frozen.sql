-- +goose Up

-- The token of a silent login opens no profile, and used to take the place of one
-- that had died. Who has agreed and holds such a token has to agree once more before
-- the profile is fetched again: their token is dead, and counts as such.
UPDATE tokens SET scope = 'snsapi_userinfo', dead_reason = 'snsapi_base', due_at = NULL, ends_at = issued_at
	WHERE scope = 'snsapi_base' AND dead_reason IS NULL
		AND user_id IN (SELECT id FROM users WHERE scope = 'snsapi_userinfo');
